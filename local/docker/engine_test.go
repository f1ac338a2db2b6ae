package docker_test

import (
	"bytes"
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

// engine connects to the engine that the environment names. These tests are
// about a real engine, so without one they fail.
func engine(t testing.TB) *docker.Engine {
	t.Helper()
	e, err := docker.Connect(t.Context(), "", os.Getenv)
	if err != nil {
		t.Fatalf("these tests need a Docker Engine: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// labels are unique to one test; what carries them is removed when it ends.
func labels(t testing.TB, e *docker.Engine) map[string]string {
	t.Helper()
	own := map[string]string{"dev.envctl.dockertest": strings.ToLower(rand.Text())}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := e.Sweep(ctx, own, docker.SweepOptions{}); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return own
}

// tool is the static program of the tests' images, built once.
var tool = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "envctl-dockertest")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "tool")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./testdata/tool")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the tests' tool: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := tool(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// buildDir is a build context with the tool and the given files.
func buildDir(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	file, err := tool()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "tool", string(binary), 0o755)
	for name, content := range files {
		write(t, dir, name, content, 0o644)
	}
	return dir
}

func write(t testing.TB, dir, name, content string, mode os.FileMode) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

// toolImage builds an image that holds the tool as its entry point.
func toolImage(t testing.TB, e *docker.Engine, own map[string]string) docker.Image {
	t.Helper()
	img, err := e.Build(t.Context(), docker.BuildRequest{
		Context: buildDir(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY tool /tool\nENTRYPOINT [\"/tool\"]\n"}),
		Labels:  own, Tag: tag(own),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func tag(own map[string]string) string {
	return "envctl-dockertest/" + own["dev.envctl.dockertest"] + ":t1"
}

// output runs the tool in an image and returns what it printed.
func output(t testing.TB, e *docker.Engine, own map[string]string, image string, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	res, err := e.Run(t.Context(), runSpec(own, image, args...), docker.Streams{Stdout: &out, Stderr: &errOut})
	if err != nil {
		t.Fatal(err)
	}
	if res.ExitCode != 0 {
		t.Fatalf("%q ended with %d: %s", args, res.ExitCode, errOut.String())
	}
	return out.String()
}
