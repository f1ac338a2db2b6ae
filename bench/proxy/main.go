// Command proxy is the forward proxy of the Compose file that the sandbox with a
// way out is timed against: CONNECT to the hosts of its arguments (HOST:PORT), and
// nothing else. With the argument check it says whether the one beside it answers.
// What envctl's gateway does beyond that (judging addresses, TLS names, canaries, a
// log) it does not.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

const (
	listen  = ":3128"
	timeout = 10 * time.Second
)

func main() {
	err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "check" {
		conn, err := net.DialTimeout("tcp", "127.0.0.1"+listen, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	server := &http.Server{Addr: listen, ReadHeaderTimeout: timeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || !slices.Contains(args, r.Host) {
			http.Error(w, "refused", http.StatusForbidden)
			return
		}
		tunnel(w, r.Host)
	})}
	return server.ListenAndServe()
}

// tunnel joins the client to a host until either ends.
func tunnel(w http.ResponseWriter, host string) {
	there, err := net.DialTimeout("tcp", host, timeout)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	w.WriteHeader(http.StatusOK)
	here, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	go func() { _, _ = io.Copy(there, rest); _ = there.Close() }()
	_, _ = io.Copy(here, there)
}
