// Package compile builds the programs that the package binary carries, always
// with the same bytes from the same source and toolchain.
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

// Arches returns the architectures that programs are built for.
func Arches() []string { return []string{"amd64", "arm64"} }

// packages returns the folders, relative to local/gateway, that a program is
// made of; it imports nothing else but the standard library.
func packages() []string { return []string{"cmd/gateway", "protocol", "serve"} }

// Program builds the gateway for an architecture from dir, the folder
// local/gateway of a checkout, and returns its bytes. What could make them differ
// from one machine to another is fixed: cgo, processor levels, experiments, flags,
// paths and build IDs.
func Program(ctx context.Context, dir, arch string) ([]byte, error) {
	out, err := os.MkdirTemp("", "envctl-gateway-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	file := filepath.Join(out, "gateway")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid=", "-o", file, "./cmd/gateway")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch,
		"GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GODEBUG=", "GOFIPS140=off", "GOTOOLCHAIN=local", "GOWORK=off")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the gateway for %s: %w\n%s", arch, err, text)
	}
	return os.ReadFile(file)
}

// Source returns the hash of the source files that a program in dir is built
// from: the names and contents of the Go files without tests.
func Source(dir string) (string, error) {
	var names []string
	root := os.DirFS(dir)
	for _, folder := range packages() {
		found, err := fs.Glob(root, path.Join(folder, "*.go"))
		if err != nil {
			return "", err
		}
		if len(found) == 0 {
			return "", fmt.Errorf("source of the gateway: no Go files in %s", filepath.Join(dir, folder))
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
