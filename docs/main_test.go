package docs

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the tables that are made from the code")

// envctl is the program under test, built once.
var envctl string

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "envctl-docs-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	envctl = filepath.Join(dir, "envctl")
	build := exec.Command("go", "build", "-o", envctl, "../cmd/envctl")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build envctl: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// root is the folder of the repository, seen from this one.
const root = ".."

// pages are all Markdown files that users and contributors read, relative to root.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			rel, err := filepath.Rel(root, f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, rel)
		}
	}
	if len(out) < 10 {
		t.Fatalf("only %v", out)
	}
	return out
}

func read(t *testing.T, page string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
