package e2e

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// newCaller is a project with the model chat, which echoes, and a budget.
func newCaller(t *testing.T) *agent {
	t.Helper()
	a := newAgentOf(t, "local/box/models/testdata/caller")
	text := fmt.Sprintf(`name: %s
ttl: 1h
models:
  chat: {model: gpt-4o-mini, price: {input: 1, output: 1}}
budget: {amount: 2, onExceeded: stop}
targets: {local: {models: {provider: echo}}}
apps:
  api: {image: %q}
`, unique(), a.image)
	if err := os.WriteFile(filepath.Join(a.dir, "envctl.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// run runs the caller in a box and returns the answer with what it printed.
func (a *agent) run(s *mcp.ClientSession, id string, args ...string) (map[string]any, string) {
	a.t.Helper()
	out := a.call(s, "exec", map[string]any{"box": id, "command": append([]string{"/tool"}, args...)})
	stdout, _ := out["stdout"].(map[string]any)
	text, _ := stdout["text"].(string)
	return out, text
}

// carriers counts the processes in a box that carry connections to the host.
func (a *agent) carriers(id string) int {
	a.t.Helper()
	top, err := a.engine.Client().ContainerTop(a.t.Context(), "envctl-"+id, client.ContainerTopOptions{})
	if err != nil {
		a.t.Fatal(err)
	}
	n := 0
	for _, process := range top.Processes {
		if strings.Contains(strings.Join(process, " "), "hold listen") {
			n++
		}
	}
	return n
}

// The built program pays what its boxes call from the experiment's ledger, and what it
// had begun in a box ends with it, however it ends.
func TestMCPModels(t *testing.T) {
	t.Parallel()
	a := newCaller(t)
	cmd, session := a.stdio("--isolation", "container")
	id, _ := a.call(session, "create", map[string]any{"image": a.image, "models": []string{"chat"}})["box"].(string)
	out, said := a.run(session, id, "chat", "chat")
	spent, _ := out["spend_usd"].(float64)
	left, _ := out["budget_left_usd"].(float64)
	if !strings.HasPrefix(said, "200 ") || spent <= 0 || math.Abs(spent+left-2) > 1e-9 {
		t.Fatalf("%q, %v", said, out)
	}
	if n := a.carriers(id); n != 1 {
		t.Fatalf("%d processes carry connections, expected 1", n)
	}
	// Another server of the same project has the same money.
	_, other := a.stdio("--isolation", "container")
	if list := a.call(other, "list", map[string]any{}); list["spend_usd"] != out["spend_usd"] {
		t.Errorf("another server: %v, expected %v spent", list, out["spend_usd"])
	}
	if err := other.Close(); err != nil { // or it would remove the box of the killed one
		t.Error(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = session.Close() // the process is gone
	for deadline := time.Now().Add(patience); a.carriers(id) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what carried connections goes on without the server")
		}
	}
	_, next := a.stdio()
	defer next.Close()
	a.gone(id)
}

// A box and a job of a live `up` spend one budget, whichever of them uses it up.
func TestMCPModelsBesideAnUp(t *testing.T) {
	t.Parallel()
	a := newAgentOf(t, "local/box/models/testdata/caller")
	x := newExperiment(t, fmt.Sprintf(`name: @NAME@
ttl: 1h
models:
  chat: {model: gpt-4o-mini, price: {input: 1000, output: 1000}}
budget: {amount: 0.2, onExceeded: stop}
targets: {local: {models: {provider: echo}, isolation: container}}
jobs:
  ask: {image: %q, command: [/tool], args: [chat, chat, "50"], models: [chat], timeout: 1m}
`, a.image))
	a.dir = x.dir
	x.must(0, "up")
	_, session := a.stdio("--isolation", "container")
	defer session.Close()
	id, _ := a.call(session, "create", map[string]any{"image": a.image, "models": []string{"chat"}})["box"].(string)
	spent := 0.0
	for calls := 0; ; calls++ {
		if c := x.run("run", "ask"); !strings.HasPrefix(c.stdout, "200 ") {
			if calls == 0 || !strings.HasPrefix(c.stdout, "429 ") || !strings.Contains(c.stdout, "budget") {
				t.Fatalf("the job after %d calls of the box: %+v", calls, c)
			}
			break
		}
		out, said := a.run(session, id, "chat", "chat", "50")
		now, _ := out["spend_usd"].(float64)
		if now <= spent || calls > 20 {
			t.Fatalf("%v after %v: %q", out, spent, said)
		}
		spent = now
		if strings.HasPrefix(said, "429 ") {
			break
		}
	}
	if c := x.run("run", "ask"); !strings.HasPrefix(c.stdout, "429 ") {
		t.Errorf("the job beyond the budget: %+v", c)
	}
	if _, said := a.run(session, id, "chat", "chat", "50"); !strings.HasPrefix(said, "429 ") {
		t.Errorf("the box beyond the budget: %q", said)
	}
	x.must(0, "down")
}

func TestMCPNoModels(t *testing.T) {
	t.Parallel()
	a := newCaller(t)
	refused := func(what, want string, args ...string) {
		t.Helper()
		_, session := a.stdio(args...)
		defer session.Close()
		res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "create", Arguments: map[string]any{"image": a.image, "models": []string{"chat"}}})
		if err != nil || !res.IsError || !strings.Contains(res.Content[0].(*mcp.TextContent).Text, want) {
			t.Errorf("%s: %+v, %v", what, res, err)
		}
	}
	refused("the flag", "started with --no-models", "--no-models")
	file := filepath.Join(a.dir, "envctl.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ what, from, to, want string }{
		{"no server", "targets: {local: {models: {provider: echo}}}\n", "", "does not say what answers for its models"},
		{"a variable", "provider: echo", `provider: openai, url: "http://${ENVCTL_E2E_NOWHERE}/v1"`, "ENVCTL_E2E_NOWHERE"},
		{"a broken recording", "provider: echo", "provider: replay, file: envctl.yaml", "nothing can answer for the project's models"},
		{"no models", "models:\n  chat: {model: gpt-4o-mini, price: {input: 1, output: 1}}\nbudget: {amount: 2, onExceeded: stop}\ntargets: {local: {models: {provider: echo}}}\n", "", "names none"},
	} {
		changed := strings.Replace(string(text), tt.from, tt.to, 1)
		if changed == string(text) {
			t.Fatalf("%s: nothing is changed", tt.what)
		}
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(tt.what, tt.want)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refused("no definition", "has no envctl.yaml")
}
