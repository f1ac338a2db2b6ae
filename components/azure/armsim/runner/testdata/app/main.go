// App is the only program in the tests' images: an app that answers, and small
// commands.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch args[0] {
	case "serve": // serve PORT
		return serve(args[1])
	case "exit": // exit STATUS
		status, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		fmt.Println("about to exit")
		os.Exit(status)
	case "sleep": // sleep DURATION
		d, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		fmt.Println("asleep")
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		select {
		case <-time.After(d):
		case <-ended:
			fmt.Println("woken")
			os.Exit(143)
		}
	case "write": // write PATH TEXT
		return os.WriteFile(args[1], []byte(args[2]), 0o600)
	case "cat": // copies its input
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "env": // env NAME
		fmt.Println(os.Getenv(args[1]))
	case "get": // get URL
		return get(args[1], os.Stdout)
	case "id":
		fmt.Println(os.Getuid(), os.Getgid())
	default:
		return fmt.Errorf("no command %q", args[0])
	}
	return nil
}

// get writes what an address answers to the app's identity header, if it has one.
func get(url string, w io.Writer) error {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-IDENTITY-HEADER", os.Getenv("IDENTITY_HEADER"))
	answer, err := (&http.Client{Timeout: 15 * time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(w, answer.Body)
	return err
}

// serve answers /env with the variables, /get?url= with another's answer, /healthz
// with the status in HEALTH (200), and writes a line a request.
func serve(port string) error {
	http.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, strings.Join(os.Environ(), "\n"))
	})
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		status, err := strconv.Atoi(os.Getenv("HEALTH"))
		if err != nil {
			status = http.StatusOK
		}
		w.WriteHeader(status)
	})
	http.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		if err := get(r.URL.Query().Get("url"), w); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	http.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("asked for", r.URL.Path)
		fmt.Fprintln(w, "hello from", os.Getenv("WHO"))
	})
	fmt.Println("listening at", port)
	return http.ListenAndServe(":"+port, nil)
}
