// Command app is the program in the images of the tests: a web server, and small
// commands that say what a container can do.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// patience bounds what a command waits for the outside world.
const patience = 5 * time.Second

func main() {
	if len(os.Args) < 2 {
		os.Args = append(os.Args, "serve")
	}
	commands := map[string]func(args []string) error{
		"serve": serve, "crash": crash, "report": report, "env": env, "cat": cat, "write": write,
		"ask": ask, "identity": identity, "credentials": credentials, "replay": replay, "dial": dial, "lookup": lookup, "fetch": fetch, "fetch2": fetch2, "exit": exit, "sleep": sleep,
	}
	command, ok := commands[os.Args[1]]
	if !ok {
		fmt.Fprintf(os.Stderr, "no command %q\n", os.Args[1])
		os.Exit(2)
	}
	if err := command(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// serve answers at PORT (8080); with SICK set its health check fails.
func serve([]string) error {
	version, _ := os.ReadFile("/version")
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if os.Getenv("SICK") != "" {
			fmt.Println("no database at db.example:", os.Getenv("SICK"))
			http.Error(w, "sick", http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, os.Getenv(r.URL.Query().Get("name")))
	})
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, r.URL.Query().Get("name"))
	})
	http.HandleFunc("/size", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, n)
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from version %s", version)
	})
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	server := &http.Server{Addr: ":" + port}
	context.AfterFunc(stop, func() { _ = server.Close() })
	fmt.Printf("serving version %s", version)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func crash([]string) error {
	fmt.Println("reading the settings")
	fmt.Fprintln(os.Stderr, "panic: no settings")
	os.Exit(3)
	return nil
}

// report writes what a job leaves behind: report DIR TEXT.
func report(args []string) error {
	fmt.Println("reporting", args[1])
	return os.WriteFile(filepath.Join(args[0], "report.txt"), []byte(args[1]+"\n"), 0o644)
}

func env(args []string) error { fmt.Println(os.Getenv(args[0])); return nil }

func cat(args []string) error {
	data, err := os.ReadFile(args[0])
	fmt.Print(string(data))
	return err
}

func write(args []string) error { return os.WriteFile(args[0], []byte(args[1]), 0o644) }

func dial(args []string) error {
	conn, err := net.DialTimeout("tcp", args[0], patience)
	if err != nil {
		return err
	}
	fmt.Println("connected to", args[0])
	return conn.Close()
}

func lookup(args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, args[0])
	fmt.Println(found)
	return err
}

func fetch(args []string) error {
	client := http.Client{Timeout: patience}
	res, err := client.Get(args[0])
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}

// fetch2 sends a megabyte by HTTP/2 without TLS and prints version and answer.
func fetch2(args []string) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Timeout: patience, Transport: &http.Transport{Protocols: &protocols}}
	res, err := client.Post(args[0], "application/octet-stream", bytes.NewReader(make([]byte, 1<<20)))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	fmt.Printf("%s %s\n", res.Proto, answer)
	return err
}

func exit(args []string) error {
	n, err := strconv.Atoi(args[0])
	if err == nil {
		os.Exit(n)
	}
	return err
}

func sleep(args []string) error {
	d, err := time.ParseDuration(args[0])
	fmt.Println("sleeping", d)
	time.Sleep(d)
	return err
}
