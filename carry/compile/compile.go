// Package compile builds the programs that envctl carries, always with the same
// bytes from the same source and toolchain.
package compile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Spec says what a program is made of.
type Spec struct {
	// Name is the program's.
	Name string
	// Command is the folder of its main package.
	Command string
	// Packages are the folders of the other packages of the project that it imports.
	Packages []string
}

// Specs returns the programs that envctl carries. Folders are relative to the one
// that holds the package binary.
func Specs() map[string]Spec {
	return map[string]Spec{
		"gateway": {Name: "gateway", Command: "cmd/gateway", Packages: []string{"allow", "authority", "protocol", "serve", "token"}},
		"hold":    {Name: "hold", Command: "cmd/hold", Packages: []string{"frame", "hold", "ports"}},
		"steward": {Name: "steward", Command: "cmd/steward", Packages: []string{"duty"}},
		"probe":   {Name: "probe", Command: "cmd/probe", Packages: []string{"attempt"}},
	}
}

// Arches returns the architectures that programs are built for.
func Arches() []string { return []string{"amd64", "arm64"} }

// Program builds the program for an architecture from dir and returns its bytes.
// What could make them differ from one machine to another is fixed: cgo, processor
// levels, experiments, flags, paths and build IDs.
func (s Spec) Program(ctx context.Context, dir, arch string) ([]byte, error) {
	out, err := os.MkdirTemp("", "envctl-"+s.Name+"-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	file := filepath.Join(out, s.Name)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid=", "-o", file, "./"+s.Command)
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch,
		"GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GODEBUG=", "GOFIPS140=off", "GOTOOLCHAIN=local", "GOWORK=off")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the %s for %s: %w\n%s", s.Name, arch, err, text)
	}
	return os.ReadFile(file)
}

// Source returns the hash of the source files that the program in dir is built
// from: the names and contents of the Go files without tests.
func (s Spec) Source(dir string) (string, error) {
	var names []string
	root := os.DirFS(dir)
	for _, folder := range append([]string{s.Command}, s.Packages...) {
		found, err := fs.Glob(root, path.Join(folder, "*.go"))
		if err != nil {
			return "", err
		}
		if len(found) == 0 {
			return "", fmt.Errorf("source of the %s: no Go files in %s", s.Name, filepath.Join(dir, folder))
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	hash := sha256.New()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(content), content)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
