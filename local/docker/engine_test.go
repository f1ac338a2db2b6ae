package docker_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

func engine(t testing.TB) *docker.Engine { t.Helper(); return dockertest.Engine(t) }

func labels(t testing.TB, e *docker.Engine) map[string]string {
	t.Helper()
	return dockertest.Labels(t, e)
}

// tool is the static program of the tests' images.
var tool = dockertest.Program("./testdata/tool")

// buildDir is a build context with the tool and the given files.
func buildDir(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "tool", string(tool(t)), 0o755)
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
	return dockertest.Image(t, e, own, tool(t), `ENTRYPOINT ["/tool"]`)
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
