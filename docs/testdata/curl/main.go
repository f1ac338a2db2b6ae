// Command curl is as much of curl as the pages use, for machines without it:
// curl -sS [--data-binary @FILE] URL.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	method, url := http.MethodGet, ""
	var body io.Reader
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-sS":
		case args[i] == "--data-binary" && i+1 < len(args):
			i++
			f, err := os.Open(strings.TrimPrefix(args[i], "@"))
			if err != nil {
				return err
			}
			defer f.Close()
			method, body = http.MethodPost, f
		case url == "" && !strings.HasPrefix(args[i], "-"):
			url = args[i]
		default:
			return fmt.Errorf("%q is not known here", args[i])
		}
	}
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}
