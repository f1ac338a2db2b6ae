// Package programtest builds the program for tests that drive it from outside.
package programtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Main is the TestMain of a package beside the program's own: it builds the program,
// sets where it is, runs the tests and ends the process.
func Main(m *testing.M, program *string) {
	dir, err := os.MkdirTemp("", "envctl-program-*")
	if err == nil {
		*program = filepath.Join(dir, "envctl")
		build := exec.Command("go", "build", "-buildvcs=false", "-o", *program, "..")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	status := 1
	if err == nil {
		status = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "building what is tested:", err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(status)
}
