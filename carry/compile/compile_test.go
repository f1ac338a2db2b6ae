package compile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/carry/compile"
)

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSourceIsThatOfTheGoFilesWithoutTests(t *testing.T) {
	t.Parallel()
	dir, spec := t.TempDir(), compile.Spec{Name: "tool", Command: "cmd/tool", Packages: []string{"part"}}
	if _, err := spec.Source(dir); err == nil || !strings.Contains(err.Error(), "source of the tool: no Go files in") {
		t.Errorf("error %v for an empty folder", err)
	}
	write(t, dir, "cmd/tool/main.go", "package main")
	write(t, dir, "part/part.go", "package part")
	source := func() string {
		hash, err := spec.Source(dir)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	was := source()
	write(t, dir, "part/part_test.go", "package part")
	write(t, dir, "part/data.txt", "x")
	if now := source(); now != was {
		t.Error("a test and a text changed the hash")
	}
	write(t, dir, "part/more.go", "package part")
	if now := source(); now == was {
		t.Error("another file left the hash as it was")
	}
}

func TestABuildThatFailsSaysWhatTheCompilerSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "go.mod", "module tool\n\ngo 1.26\n")
	write(t, dir, "cmd/tool/main.go", "package main\n\nfunc main() { nothing() }\n")
	_, err := compile.Spec{Name: "tool", Command: "cmd/tool"}.Program(t.Context(), dir, "amd64")
	if err == nil || !strings.Contains(err.Error(), "build the tool for amd64") || !strings.Contains(err.Error(), "undefined: nothing") {
		t.Errorf("error %v", err)
	}
}
