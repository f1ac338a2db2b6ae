package serve

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// The program as it is built: what it takes at rest, and at most when ten thousand
// connections come at once and as many as it serves stay.
func TestMemoryOfTheProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	bin := filepath.Join(t.TempDir(), "gateway")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", bin, "../cmd/gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi") }))
	t.Cleanup(app.Close)
	host, port := split(t, app.Listener.Addr().String())
	listen := freePort(t)
	config, err := protocol.Config{Ingress: protocol.Ingress{Routes: []protocol.Route{{App: "api", Listen: listen, Host: host, Port: port}}}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	gateway := exec.CommandContext(t.Context(), bin)
	gateway.Env = append(os.Environ(), protocol.EnvConfig+"="+config)
	out, err := gateway.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := gateway.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gateway.Process.Kill(); _ = gateway.Wait() })
	events := protocol.NewReader(out)
	if first, err := events.Next(); err != nil || first.Event != protocol.EventStart {
		t.Fatalf("%+v, %v, expected the start", first, err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	rest := memory(t, gateway.Process.Pid, "VmRSS")
	storm(t, fmt.Sprintf("127.0.0.1:%d", listen), 10_000, 20, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", ingressTotal)
	peak := memory(t, gateway.Process.Pid, "VmHWM")
	t.Logf("%d KiB at rest, %d KiB at most", rest, peak)
	if rest > 15_000 || peak > 96<<10 {
		t.Errorf("%d KiB at rest and %d KiB at most, expected at most 15,000 and %d", rest, peak, 96<<10)
	}
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", listen))
	if got := body(t, response, err); got != "hi" {
		t.Errorf("afterwards %q, expected hi", got)
	}
}

// memory is a figure of a process in KiB.
func memory(t *testing.T, pid int, what string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); f[0] == what+":" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s of process %d", what, pid)
	return 0
}
