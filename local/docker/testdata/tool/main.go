// Tool is the only program in the tests' images: small commands to be observed
// from outside a container.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tool:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("no command")
	}
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch args[0] {
	case "say": // say OUT ERR
		fmt.Println(arg(1))
		fmt.Fprintln(os.Stderr, arg(2))
	case "lines": // lines N
		n, _ := strconv.Atoi(arg(1))
		w := bufio.NewWriter(os.Stdout)
		for i := range n {
			fmt.Fprintln(w, "line", i+1)
		}
		return w.Flush()
	case "exit": // exit N
		n, _ := strconv.Atoi(arg(1))
		os.Exit(n)
	case "fail": // fail MESSAGE: some output, then exit 3
		fmt.Println("about to fail")
		fmt.Fprintln(os.Stderr, arg(1))
		os.Exit(3)
	case "cat":
		data, err := os.ReadFile(arg(1))
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(data)
		return err
	case "stat": // stat PATH…: mode uid gid mtime path
		for _, name := range args[1:] {
			var st syscall.Stat_t
			if err := syscall.Lstat(name, &st); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Printf("%o %d %d %d %s\n", st.Mode, st.Uid, st.Gid, st.Mtim.Sec, name)
		}
	case "write": // write PATH CONTENT
		return os.WriteFile(arg(1), []byte(arg(2)), 0o644)
	case "results": // results DIR: what a job may leave behind
		return results(arg(1))
	case "env":
		fmt.Println(os.Getenv(arg(1)))
	case "pwd":
		dir, err := os.Getwd()
		fmt.Println(dir, os.Getuid())
		return err
	case "copy": // standard input to standard output
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "alloc": // alloc MB; after a moment: a kill before its start is through is no news
		time.Sleep(500 * time.Millisecond)
		n, _ := strconv.Atoi(arg(1))
		var keep [][]byte
		for range n {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			keep = append(keep, b)
		}
		fmt.Println(len(keep))
	case "sleep": // sleep SECONDS [stubborn]
		n, _ := strconv.Atoi(arg(1))
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		fmt.Println("sleeping")
		end := time.After(time.Duration(n) * time.Second)
		for {
			select {
			case <-end:
				return nil
			case <-stop:
				fmt.Println("asked to stop")
				if arg(2) != "stubborn" {
					os.Exit(7)
				}
			}
		}
	case "winsize":
		time.Sleep(300 * time.Millisecond) // the resize may come after the start
		return winsize()
	default:
		return fmt.Errorf("unknown command %q", args[0])
	}
	return nil
}

func results(dir string) error {
	if err := os.MkdirAll(dir+"/sub", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/sub/a.csv", []byte("1,2\n"), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/run.sh", []byte("#!/bin/sh\n"), 0o644); err != nil {
		return err
	}
	if err := os.Chmod(dir+"/run.sh", 0o755|os.ModeSetuid); err != nil {
		return err
	}
	return os.Symlink("/etc/passwd", dir+"/link")
}
