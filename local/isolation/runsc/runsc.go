// Package runsc brings gVisor's runtime to an engine of this machine: it finds or
// builds the program ([Find], [Build]) and registers it with the engine
// ([Register]), which takes it over without a restart.
//
// It needs root and an engine that answers at a socket of this machine. [Steps]
// are the same by hand.
package runsc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	// Name is what the engine knows it by.
	Name = "runsc"
	// Module is where it is built from. The pinned version is the same as
	// bench/gvisor's.
	Module  = "gvisor.dev/gvisor/runsc"
	Version = "v0.0.0-20260905035102-160fafc42237"
	// Path is where it is installed: the engine runs it as root, so it must lie
	// where nobody else can write.
	Path = "/usr/local/bin/runsc"
	// Platform is how it catches system calls: systrap needs no virtualisation.
	Platform = "--platform=systrap"
)

// ErrNone is that no program was found.
var ErrNone = errors.New("no runsc was found")

// Find returns a runsc of this machine: beside the program dir is the folder of,
// where it is installed, or in path, a list as PATH has it.
func Find(dir, path string) (string, error) {
	for _, folder := range append([]string{dir, filepath.Dir(Path)}, filepath.SplitList(path)...) {
		if folder == "" {
			continue
		}
		file := filepath.Join(folder, Name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", ErrNone
}

// Build builds the pinned version into folder dir, which takes a minute or two and
// needs Go and a way to its module proxy, and returns the program's path. With cgo
// it would fail in its own chroot.
func Build(ctx context.Context, dir string) (string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", fmt.Errorf("build runsc: %w", err)
	}
	build := exec.CommandContext(ctx, "go", "install", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", Module+"@"+Version)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir, "GOFLAGS=", "GOWORK=off")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build runsc: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return filepath.Join(dir, Name), nil
}

// Install copies program to [Path], which it replaces in one step, so that a
// container that starts meanwhile finds the old one or the new.
func Install(program string) error {
	if program == Path {
		return nil
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	beside := Path + ".new"
	if err := os.WriteFile(beside, content, 0o755); err != nil {
		return fmt.Errorf("install runsc: %w", err)
	}
	return errors.Join(os.Chmod(beside, 0o755), os.Rename(beside, Path))
}

// Steps are what a person does where envctl cannot, in the order to do them.
func Steps(configFile string) []string {
	return []string{
		fmt.Sprintf("CGO_ENABLED=0 GOBIN=/tmp go install %s@%s", Module, Version),
		"sudo install -m 0755 /tmp/runsc " + Path,
		fmt.Sprintf(`add to %s: {"runtimes": {"%s": {"path": "%s", "runtimeArgs": ["%s"]}}}`, configFile, Name, Path, Platform),
		"sudo systemctl reload docker (or: sudo kill -HUP $(cat /var/run/docker.pid))",
	}
}
