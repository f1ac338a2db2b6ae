// Command echo is the app of the conformance suite: it tells what it was given.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// patience bounds one question to another app.
const patience = 5 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch args[0] {
	case "serve":
		return serve()
	case "fetch": // fetch VARIABLE PATH: of the app whose address a variable holds
		text, err := fetch(os.Getenv(args[1]) + args[2])
		fmt.Println(text)
		return err
	case "chat":
		text, err := chat(question{})
		fmt.Println(text)
		return err
	case "env": // env VARIABLE
		fmt.Println(os.Getenv(args[1]))
		return nil
	case "leave": // leave FILE TEXT STATUS: ends with the status once the file is written
		if err := os.MkdirAll(filepath.Dir(args[1]), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(args[1], []byte(args[2]), 0o644); err != nil {
			return err
		}
		return run([]string{"exit", args[3]})
	case "exit": // exit STATUS
		status, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		os.Exit(status)
	case "sleep": // sleep DURATION
		d, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		time.Sleep(d)
		return nil
	}
	return fmt.Errorf("no command %q", args[0])
}

// serve answers at CONTAINER_APP_PORT: /who, /environ, /fetch?variable=&path=,
// /token?header=&client= and /chat?deployment=&token=&base= with what came of it,
// /needs with what the needed app said before this one began to listen, and
// /healthz with the status in HEALTH.
func serve() error {
	needs := "none"
	if os.Getenv("STORE_URL") != "" {
		text, err := fetch(os.Getenv("STORE_URL") + "/who")
		if err != nil {
			text = err.Error()
		}
		needs = text
	}
	answer := func(path string, handle func(*http.Request) (string, error)) {
		http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			text, err := handle(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			fmt.Fprintln(w, text)
		})
	}
	answer("/who", func(*http.Request) (string, error) { return os.Getenv("WHO"), nil })
	answer("/needs", func(*http.Request) (string, error) { return needs, nil })
	answer("/token", func(r *http.Request) (string, error) { return token(asked(r)), nil })
	answer("/chat", func(r *http.Request) (string, error) { return chat(asked(r)) })
	answer("/environ", func(*http.Request) (string, error) { return environ() })
	answer("/fetch", func(r *http.Request) (string, error) {
		q := r.URL.Query()
		return fetch(os.Getenv(q.Get("variable")) + q.Get("path"))
	})
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if status, err := strconv.Atoi(os.Getenv("HEALTH")); err == nil {
			w.WriteHeader(status)
		}
	})
	fmt.Println("this is", os.Getenv("WHO"))
	return http.ListenAndServe(":"+os.Getenv("CONTAINER_APP_PORT"), nil)
}

// environ is a JSON object of all variables.
func environ() (string, error) {
	all := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		all[name] = value
	}
	text, err := json.Marshal(all)
	return string(text), err
}

func fetch(url string) (string, error) {
	client := http.Client{Timeout: patience}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", url, answer.StatusCode, text)
	}
	return strings.TrimSpace(string(text)), err
}
