// Command app is the container behind the gateway in the tests with an engine:
// a web server that becomes healthy after a while, or with the argument dial a
// neighbour that tries to connect to an address, or with read a reader of a file,
// or with token a workload that asks for a token.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "dial" {
		dial(os.Args[2])
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "read" {
		text, err := os.ReadFile(os.Args[2])
		fmt.Print(string(text))
		if err != nil {
			fmt.Println(err)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "token" {
		token()
		return
	}
	began := time.Now()
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if time.Since(began) < 300*time.Millisecond {
			http.Error(w, "warming up", http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "for %s at %s", r.Header.Get("X-Forwarded-For"), r.Host)
	})
	http.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		io.CopyN(w, zeros{}, n)
	})
	fmt.Println(http.ListenAndServe(":8080", nil))
	os.Exit(1)
}

// dial prints what a request to address gets.
func dial(address string) {
	conn, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		fmt.Println("no connection:", err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(conn)
	fmt.Printf("%d bytes, %v\n", len(answer), err)
}

// token prints what the identity endpoint answers.
func token() {
	r, err := http.NewRequest("GET", os.Getenv("IDENTITY_ENDPOINT")+"?api-version=2019-08-01&resource=https://cognitiveservices.azure.com", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r.Header.Set("X-IDENTITY-HEADER", os.Getenv("IDENTITY_HEADER"))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(text), err)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
