package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const withModels = `name: @NAME@
budget: {amount: 0.2, alerts: [1, 100], onExceeded: stop}
models:
  chat: {model: gpt-4o-mini, price: {input: 1000, output: 1000}}
apps:
  api:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    ingress: {port: 8080, public: true}
    models: [chat]
  plain:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
jobs:
  ask:
    build: {context: app}
    args: [ask, from a job, "1"]
    cpu: 0.25
    memory: 0.5Gi
    models: [chat]
    timeout: 1m
targets: {local: {models: {provider: echo}, isolation: @LEVEL@}}
`

// An app and a job call a model with what they find, others cannot, the budget holds,
// what answers is started again when it was killed, and down ends it.
func TestModelsAnswerAndCost(t *testing.T) { underEach(t, modelsAnswer) }

func modelsAnswer(t *testing.T, level string) {
	x := newExperiment(t, at(level, withModels))
	x.must(0, "up")
	ask := func(app string, args ...string) call {
		return x.run(append([]string{"exec", app, "--", "/app", "ask"}, args...)...)
	}
	if c := ask("api", "what is this", "2"); c.code != 0 || !strings.HasPrefix(c.stdout, "200\n") || !strings.Contains(c.stdout, "what is") {
		t.Fatalf("%+v", c)
	}
	if c := x.must(0, "run", "ask"); !strings.HasPrefix(c.stdout, "200\n") {
		t.Errorf("the job got %s", c.stdout)
	}
	if c := ask("plain", "hello"); c.code == 0 || !strings.Contains(c.stderr, "token: 400") {
		t.Errorf("an app without models: %+v", c)
	}
	if c := x.run("exec", "api", "--", "/app", "identity", "https://vault.azure.net"); c.code == 0 || !strings.Contains(c.stderr, "Key Vault") {
		t.Errorf("a token for something else: %+v", c)
	}
	has(t, x.must(0, "status", "--identity").stdout, "Cognitive Services OpenAI User", "vault.azure.net")

	// The budget is 200 tokens: the worst case of this call is more.
	if c := ask("api", "a long answer", "500"); !strings.HasPrefix(c.stdout, "429\n") || !strings.Contains(c.stdout, "budget") {
		t.Errorf("over budget: %+v", c)
	}
	var cost struct {
		Actual struct {
			Models []struct{ Refused int }
		}
	}
	if err := json.Unmarshal([]byte(x.must(0, "cost", "--actual", "-o", "json").stdout), &cost); err != nil || len(cost.Actual.Models) != 1 ||
		cost.Actual.Models[0].Refused != 1 {
		t.Errorf("cost: %+v, %v", cost, err)
	}

	pid := x.modelsProcess()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if result := x.must(0, "up", "-o", "json").result(t); result.Result != "unchanged" {
		t.Errorf("up after what answers was killed: %s", result.Result)
	}
	if c := ask("api", "again", "1"); !strings.HasPrefix(c.stdout, "200\n") {
		t.Errorf("after it was killed: %+v", c)
	}
	pid = x.modelsProcess()
	x.must(0, "down")
	for deadline := time.Now().Add(5 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d of the models outlives the experiment", pid)
		}
	}
	x.gone()
}

// A token, and the header that one is had by, are of no use to the next instance of
// the same name, whose app has the same name, client id and often the same address.
func TestTokensDoNotOutliveTheirInstance(t *testing.T) { underEach(t, tokensEnd) }

func tokensEnd(t *testing.T, level string) {
	x := newExperiment(t, at(level, withModels))
	credentials := func() []string {
		t.Helper()
		words := strings.Fields(x.must(0, "exec", "api", "--", "/app", "credentials").stdout)
		if len(words) != 2 {
			t.Fatalf("credentials %q", words)
		}
		return words
	}
	replay := func(words []string) string {
		return x.must(0, "exec", "api", "--", "/app", "replay", words[0], words[1]).stdout
	}
	x.must(0, "up")
	first := credentials()
	if said := replay(first); !strings.HasPrefix(said, "200\n") || !strings.HasSuffix(said, "<nil>\n") {
		t.Fatalf("while it is good: %s", said) // or nothing below could fail
	}
	x.must(0, "down")
	x.must(0, "up")
	second := credentials()
	if first[0] == second[0] || first[1] == second[1] {
		t.Errorf("the same again: %q, %q", first, second)
	}
	if said := replay(first); !strings.HasPrefix(said, "401\n") || !strings.Contains(said, "token: 403") {
		t.Errorf("after down and up: %s", said)
	}
	if said := replay(second); !strings.HasPrefix(said, "200\n") {
		t.Errorf("its own: %s", said)
	}
	x.must(0, "down")
	x.gone()
}

// modelsProcess is the process that answers for the models.
func (x *experiment) modelsProcess() int {
	x.t.Helper()
	files, err := filepath.Glob(filepath.Join(x.state, "models", "*", "serving"))
	if err != nil || len(files) != 1 {
		x.t.Fatalf("%q, %v: expected one process of models", files, err)
	}
	var serving struct {
		PID int `json:"pid"`
	}
	for deadline := time.Now().Add(patience); serving.PID == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		raw, err := os.ReadFile(files[0])
		if err != nil {
			x.t.Fatal(err)
		}
		_ = json.Unmarshal(raw, &serving) // it may be half written
	}
	if serving.PID == 0 {
		x.t.Fatalf("%s names no process", files[0])
	}
	return serving.PID
}
