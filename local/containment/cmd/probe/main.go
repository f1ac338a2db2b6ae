//go:build linux

// Command probe is the hostile program of the containment suite. envctl carries it
// prebuilt; see the packages local/containment/attempt and local/containment/binary.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/envctl/envctl/local/containment/attempt"
)

func main() {
	if name := filepath.Base(os.Args[0]); slices.Contains(attempt.Tools, name) {
		_ = attempt.Tool(name) // nobody is there to be told
		os.Exit(1)
	}
	if err := attempt.Main(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}
