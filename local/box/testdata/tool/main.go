// Command tool is what the tests run in a box: a program that does as it is told,
// harmless or not.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(what string, args []string) error {
	switch what {
	case "echo":
		fmt.Println(strings.Join(args, " "))
	case "script": // FILE ARG...: an interpreter that prints what it is given
		content, err := os.ReadFile(args[0])
		fmt.Printf("%s %s", content, strings.Join(args[1:], " "))
		return err
	case "stdin":
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "env":
		dir, err := os.Getwd()
		fmt.Println(os.Getuid(), os.Getgid(), dir, os.Getenv("HOME"), os.Getenv(args[0]))
		return err
	case "exit":
		code, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "leaving")
		os.Exit(code)
	case "sleep":
		fmt.Println("sleeping")
		time.Sleep(time.Hour)
	case "deaf": // to everything that can be ignored
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		fmt.Println("deaf")
		time.Sleep(time.Hour)
	case "spam": // BYTES
		n, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		fmt.Print("FIRST")
		line := append(bytes.Repeat([]byte("x"), 1023), '\n')
		for ; n > 0; n -= len(line) {
			if _, err := os.Stdout.Write(line[:min(n, len(line))]); err != nil {
				return err
			}
		}
		fmt.Print("LAST")
	case "escape": // leave the family: a new session, and a parent that is gone
		return spawn(true, "child", "deaf")
	case "child":
		return spawn(true, args...)
	case "daemon": // as escape, but stay until the end comes
		if err := spawn(true, "child", "deaf"); err != nil {
			return err
		}
		fmt.Println("started")
		time.Sleep(time.Hour)
	case "bomb":
		for {
			_ = spawn(true, "bomb")
		}
	case "count": // processes of the box by their first arguments
		names, err := processes()
		fmt.Println(strings.Join(names, "|"))
		return err
	case "patricide": // kill what watches over this program
		return syscall.Kill(os.Getppid(), syscall.SIGKILL)
	case "regicide": // and process 1
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGINT} {
			if err := syscall.Kill(1, s); err != nil {
				return err
			}
		}
		time.Sleep(time.Second) // where process 1 has ended, so does this one now
	case "link":
		return os.Symlink(args[0], args[1])
	case "pipe":
		return syscall.Mkfifo(args[0], 0o600)
	case "write":
		return os.WriteFile(args[0], []byte(args[1]), 0o777)
	case "mkdir":
		return os.MkdirAll(args[0], 0o777)
	case "fill": // a file until it cannot grow
		f, err := os.Create(args[0])
		if err != nil {
			return err
		}
		n, err := io.Copy(f, zeros{})
		fmt.Println(n, err)
	case "dial":
		_, err := net.DialTimeout(args[0], args[1], 2*time.Second)
		return err
	case "interfaces":
		list, err := net.Interfaces()
		for _, i := range list {
			fmt.Print(i.Name, " ")
		}
		return err
	default:
		return fmt.Errorf("unknown: %s", what)
	}
	return nil
}

func spawn(session bool, args ...string) error {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: session}
	return cmd.Start()
}

func processes() ([]string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err == nil {
			out = append(out, strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " ")))
		}
	}
	return out, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
