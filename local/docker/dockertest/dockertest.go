// Package dockertest gives tests what they need of a real Docker Engine: a connection,
// labels by which all that a test made is removed, and images of a program of the test's
// own, without a registry.
package dockertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/local/docker"
)

// Variable names an engine's absence: "none" says that there is none, so that tests
// which need one are skipped. Without it they fail.
const Variable = "ENVCTL_TEST_ENGINE"

// Engine connects to the engine that the environment names, until the test ends.
func Engine(t testing.TB) *docker.Engine {
	t.Helper()
	e, err := docker.Connect(t.Context(), "", os.Getenv)
	if err != nil {
		if os.Getenv(Variable) != "none" {
			t.Fatalf("these tests need a Docker Engine: %v", err)
		}
		t.Skipf("no Docker Engine: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// Label is the label of what belongs to one test; its value is the test's own, as it
// may stand in names.
const Label = "dev.envctl.test"

// Labels are unique to one test. What carries them is removed when it ends.
func Labels(t testing.TB, e *docker.Engine) map[string]string {
	t.Helper()
	own := map[string]string{Label: strings.ToLower(rand.Text())}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := e.Sweep(ctx, own, docker.SweepOptions{}); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return own
}

// Program returns a function that builds a package as a static program for an engine's
// containers, once, and returns its content.
func Program(pkg string) func(t testing.TB) []byte {
	build := sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "envctl-dockertest")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "program")
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
		return os.ReadFile(file)
	})
	return func(t testing.TB) []byte {
		t.Helper()
		content, err := build()
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
}

// Tag is the name of an image of the test that has these labels.
func Tag(own map[string]string) string { return "envctl-test/" + own[Label] + ":t1" }

// Image builds an image that holds a program as /tool, and what more lines of a
// Dockerfile say, under [Tag].
func Image(t testing.TB, e *docker.Engine, own map[string]string, tool []byte, more ...string) docker.Image {
	t.Helper()
	dir := t.TempDir()
	dockerfile := strings.Join(append([]string{"FROM scratch", "COPY tool /tool"}, more...), "\n") + "\n"
	for name, content := range map[string][]byte{"tool": tool, "Dockerfile": []byte(dockerfile)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	image, err := e.Build(t.Context(), docker.BuildRequest{Context: dir, Labels: own, Tag: Tag(own)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// Cannot skips a test that this machine cannot run; in CI, which can, it fails it.
func Cannot(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
