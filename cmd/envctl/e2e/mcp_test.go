package e2e

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// agent is a project for `envctl mcp`, with an image for its boxes.
type agent struct {
	t      *testing.T
	engine *docker.Engine
	image  string
	dir    string
}

func newAgent(t *testing.T) *agent { return newAgentOf(t, "local/box/testdata/tool") }

// newAgentOf has an image of one of the project's static programs, as /tool.
func newAgentOf(t *testing.T, program string) *agent {
	t.Helper()
	a := &agent{t: t, engine: dockertest.Engine(t), dir: t.TempDir()}
	name, build := unique(), t.TempDir()
	a.image = "envctl-e2e/" + name + ":t1"
	t.Cleanup(func() {
		if err := sweep(a.engine, name); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	if err := goBuild(filepath.Join(build, "tool"), "github.com/envctl/envctl/"+program, "CGO_ENABLED=0"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(build, "Dockerfile"), []byte("FROM scratch\nCOPY tool /tool\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := a.engine.Build(t.Context(), docker.BuildRequest{Context: build, Labels: map[string]string{labelTest: name}, Tag: a.image}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *agent) command(args ...string) *exec.Cmd {
	cmd := exec.Command(built.envctl, append([]string{"mcp", "--allow-image", a.image}, args...)...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), "ENVCTL_STATE_DIR="+filepath.Join(a.dir, ".state"), "ENVCTL_MCP_TOKEN=")
	return cmd
}

// stdio starts a server and speaks with it.
func (a *agent) stdio(args ...string) (*exec.Cmd, *mcp.ClientSession) {
	a.t.Helper()
	cmd := a.command(args...)
	session, err := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, nil).Connect(a.t.Context(), &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return cmd, session
}

func (a *agent) call(s *mcp.ClientSession, tool string, args map[string]any) map[string]any {
	a.t.Helper()
	res, err := s.CallTool(a.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		a.t.Fatalf("%s: %v", tool, err)
	}
	if res.IsError {
		a.t.Fatalf("%s: %+v", tool, res.Content[0])
	}
	out, _ := res.StructuredContent.(map[string]any)
	return out
}

// containers counts those of a box.
func (a *agent) containers(id string) int {
	a.t.Helper()
	left, err := a.engine.Leftovers(a.t.Context(), map[string]string{box.LabelBox: id})
	if err != nil {
		a.t.Fatal(err)
	}
	return left.Count()
}

func (a *agent) gone(id string) {
	a.t.Helper()
	for deadline := time.Now().Add(patience); a.containers(id) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("box %s is still there", id)
		}
	}
}

// The built program is ready within a second, and ends with all of its boxes when
// the agent closes its stdin.
func TestMCPOverStdio(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	var session *mcp.ClientSession
	took := time.Hour
	for range 3 { // the machine may be busy with other tests
		if session != nil {
			_ = session.Close()
		}
		began := time.Now()
		_, session = a.stdio()
		if took = min(took, time.Since(began)); took < time.Second {
			break
		}
	}
	if took > time.Second {
		t.Errorf("ready after %v", took)
	}
	t.Logf("ready after %v", took)
	id, _ := a.call(session, "create", map[string]any{"image": a.image})["box"].(string)
	out := a.call(session, "exec", map[string]any{"box": id, "command": []string{"/tool", "echo", "hello"}})
	if stdout, _ := out["stdout"].(map[string]any); stdout["text"] != "hello\n" {
		t.Errorf("%v", out)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if n := a.containers(id); n != 0 {
		t.Errorf("%d objects are left of the box", n)
	}
}

// What a killed server leaves, the next one removes.
func TestMCPKilledServerIsCleanedUpAfter(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	cmd, session := a.stdio()
	id, _ := a.call(session, "create", map[string]any{"image": a.image})["box"].(string)
	a.call(session, "exec_start", map[string]any{"box": id, "command": []string{"/tool", "deaf"}})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = session.Close() // the process is gone
	if a.containers(id) == 0 {
		t.Fatal("nothing is left, so nothing is proven")
	}
	_, next := a.stdio()
	defer next.Close()
	a.gone(id)
}

func TestMCPEndsOnSIGTERM(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	cmd, session := a.stdio()
	id, _ := a.call(session, "create", map[string]any{"image": a.image})["box"].(string)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.gone(id)
	_ = session.Close() // the process is gone
}

// bearer adds a token to each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func TestMCPOverHTTP(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	cmd := a.command("--http", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended where all is well
	hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	lines := bufio.NewReader(stderr)
	url, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url = regexp.MustCompile(`http://\S+`).FindString(url)
	second, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimPrefix(strings.TrimSpace(second), "token: ")
	go func() { _, _ = lines.WriteTo(os.Stderr); ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if r, err := http.Post(url, "application/json", strings.NewReader("{}")); err != nil || r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %v, %v", r, err)
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, nil).Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: url, HTTPClient: &http.Client{Transport: bearer(token)},
	}, nil)
	if err != nil {
		t.Fatalf("%s with token %q: %v", url, token, err)
	}
	id, _ := a.call(session, "create", map[string]any{"image": a.image})["box"].(string)
	_ = session.Close()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("it does not end")
	}
	a.gone(id)
}

func TestMCPRefusesAddressesOfTheNetwork(t *testing.T) {
	t.Parallel()
	a := &agent{t: t, image: "none", dir: t.TempDir()}
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		out, err := a.command("--http", address).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "has to be a loopback address") {
			t.Errorf("%s: %v: %s", address, err, out)
		}
	}
}
