package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/isolation/isolationtest"
)

// underEach runs a test under each level of isolation, with what a definition says
// in targets.local for it.
func underEach(t *testing.T, test func(t *testing.T, level string)) {
	t.Parallel()
	isolationtest.Each(t, dockertest.Engine(t), func(t *testing.T, c isolation.Choice) {
		t.Parallel()
		test(t, c.Level)
	})
}

// at puts a level into a definition in the place of @LEVEL@.
func at(level, definition string) string { return strings.ReplaceAll(definition, "@LEVEL@", level) }

const isolatedApps = `name: @NAME@
apps:
  api:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    ingress: {port: 8080, public: true}
    health: {path: /healthz}
    needs: [store]
  store:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    ingress: {port: 8080}
jobs:
  report:
    build: {context: app}
    args: [write, /out/note, done]
    cpu: 0.25
    memory: 0.5Gi
    outputs: /out
    timeout: 1m
targets: {local: {isolation: @LEVEL@}}
`

// The whole life is the same under each level: apps are healthy, answer from outside
// and to each other, need no change, run commands, and end.
func TestLifeUnderEachIsolation(t *testing.T) { underEach(t, life) }

func life(t *testing.T, level string) {
	x := newExperiment(t, at(level, isolatedApps))
	x.must(0, "up")
	for _, app := range x.sound().Apps {
		if app.Isolation != level {
			t.Errorf("app %s is isolated by %q", app.Name, app.Isolation)
		}
	}
	if c := x.run("exec", "api", "--", "/app", "dial", "store:80"); c.code != 0 {
		t.Errorf("the app that it needs does not answer: %s", c.stderr)
	}
	if c := x.run("exec", "api", "--", "/app", "write", "/note", "x"); c.code == 0 {
		t.Error("the root can be written")
	}
	out := filepath.Join(x.dir, "results")
	x.must(0, "run", "report", "--out", out)
	if has := x.must(0, "logs", "api", "--tail", "5"); has.code != 0 {
		t.Error(has.stderr)
	}
	x.must(0, "down")
	x.gone()
}

// A one-shot run says what separated it, and a repetition has the same.
func TestOneShotUnderEachIsolation(t *testing.T) { underEach(t, oneShot) }

func oneShot(t *testing.T, level string) {
	a := newAgent(t)
	x := &experiment{t: t, engine: a.engine, dir: a.dir, state: filepath.Join(a.dir, ".state")}
	c := x.must(0, "run", "--isolation", level, "--image", a.image, "--", "/tool", "echo", "hello")
	if c.stdout != "hello\n" || !strings.Contains(c.stderr, "; "+level+", no network") {
		t.Errorf("%+v", c)
	}
	id := strings.TrimSuffix(strings.Fields(c.stderr)[1], ":")
	if c := x.must(0, "run", "--again", id); !strings.Contains(c.stderr, "; "+level+", no network") || !strings.Contains(c.stderr, "the same as") {
		t.Errorf("again: %+v", c)
	}
}

// A box is isolated as the command line says.
func TestMCPUnderEachIsolation(t *testing.T) { underEach(t, boxed) }

func boxed(t *testing.T, level string) {
	a := newAgent(t)
	_, session := a.stdio("--isolation", level)
	id, _ := a.call(session, "create", map[string]any{"image": a.image})["box"].(string)
	out := a.call(session, "exec", map[string]any{"box": id, "command": []string{"/tool", "echo", "hello"}})
	if stdout, _ := out["stdout"].(map[string]any); stdout["text"] != "hello\n" {
		t.Errorf("%v", out)
	}
	found, ok, err := a.engine.Inspect(t.Context(), "envctl-"+id)
	if err != nil || !ok || isolation.Of(found.HostConfig.Runtime) != level {
		t.Errorf("the box: %v, %v, %+v", ok, err, found.HostConfig)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	a.gone(id)
}
