package main

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAwaitWaitsUntilTheEngineAnswers(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	go func() {
		time.Sleep(200 * time.Millisecond)
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Error(err)
			return
		}
		calls := 0
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if calls++; r.URL.Path != "/_ping" || calls < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})}
		t.Cleanup(func() { server.Close() })
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	if err := await(t.Context(), socket, 10*time.Second, nil); err != nil {
		t.Error(err)
	}
}

func TestAwaitGivesUp(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "none")
	if err := await(t.Context(), socket, 100*time.Millisecond, nil); err == nil || !strings.Contains(err.Error(), socket) {
		t.Errorf("no engine: %v", err)
	}
	ended := make(chan struct{})
	close(ended)
	if err := await(t.Context(), socket, time.Minute, ended); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("an engine that ended: %v", err)
	}
}

func TestHostSocket(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "/var/run/docker.sock", "unix:///a/b.sock": "/a/b.sock"} {
		if got := hostSocket(in); got != want {
			t.Errorf("hostSocket(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestEngineLeavesNothing runs the real program with the real engine: the command
// sees an engine and a network of its own, its status comes back, and nothing
// stays.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	if c, err := configuration(""); err != nil || string(c) != "{}\n" {
		t.Errorf("%q, %v", c, err)
	}
	program := filepath.Join(t.TempDir(), "runsc")
	if _, err := configuration(program); err == nil || !strings.Contains(err.Error(), "make runsc") {
		t.Errorf("a program that is not there: %v", err)
	}
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	want := `{"runtimes":{"runsc":{"path":"` + program + `","runtimeArgs":["--platform=systrap"]}}}`
	if c, err := configuration(program); err != nil || string(c) != want {
		t.Errorf("%s, %v, want %s", c, err, want)
	}
}

func TestEngineLeavesNothing(t *testing.T) {
	program, bin := os.Getenv("ENGINE_RUN"), os.Getenv("ENGINE_BIN")
	if program == "" || bin == "" {
		t.Skip("ENGINE_RUN and ENGINE_BIN name no runner and no engine; make test-current does")
	}
	// Not t.TempDir: with the test's name in it a socket's path would be too long.
	tmp, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	const script = `
test -S "${DOCKER_HOST#unix://}"
ls /sys/class/net | grep -qx docker0
test "$(ls /sys/class/net | wc -l)" = 2
exit 7`
	out, err := exec.Command(program, "-bin", bin, "-tmp", tmp, "--", "bash", "-ec", script).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Fatalf("got %v, want the command's status 7\n%s", err, out)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
