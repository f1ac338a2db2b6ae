package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/stacks"
)

// experiment is one definition with a state folder and a name of its own. What it
// leaves is removed at the end of the test.
type experiment struct {
	t      testing.TB
	engine *docker.Engine
	name   string
	dir    string   // of the definition; its folder app is a build context
	state  string   // ENVCTL_STATE_DIR
	env    []string // added to each call
}

// newExperiment writes a definition in which @NAME@ is the experiment's name.
func newExperiment(t testing.TB, definition string) *experiment {
	t.Helper()
	return newExperimentOn(t, dockertest.Engine(t), definition)
}

// newExperimentOn is newExperiment on another engine than the usual one.
func newExperimentOn(t testing.TB, e *docker.Engine, definition string) *experiment {
	t.Helper()
	x := &experiment{t: t, engine: e, name: unique(), dir: t.TempDir()}
	x.state = filepath.Join(x.dir, ".state")
	t.Cleanup(func() {
		if err := sweep(x.engine, x.name); err != nil {
			t.Errorf("sweep: %v", err)
		}
	})
	x.define(definition)
	app := filepath.Join(x.dir, "app")
	if err := errors.Join(os.Mkdir(app, 0o755), writeContext(app, "1")); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *experiment) define(definition string) {
	x.t.Helper()
	text := strings.ReplaceAll(definition, "@NAME@", x.name)
	if err := os.WriteFile(filepath.Join(x.dir, "envctl.yaml"), []byte(text), 0o644); err != nil {
		x.t.Fatal(err)
	}
}

// world is what a test does to the experiment behind envctl's back.
func (x *experiment) world() world {
	return world{engine: x.engine, experiment: x.name, labels: map[string]string{labelTest: x.name}}
}

// call is one finished run of envctl.
type call struct {
	args           []string
	stdout, stderr string
	code           int // -1: ended by a signal
}

// command is a run of envctl that is not started yet.
func (x *experiment) command(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, built.envctl, args...)
	cmd.Dir = x.dir
	cmd.Env = append(os.Environ(), "ENVCTL_STATE_DIR="+x.state, "NO_COLOR=1", "DOCKER_HOST="+x.engine.Host())
	cmd.Env = append(cmd.Env, x.env...)
	cmd.WaitDelay = 10 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	return cmd, &out, &errs
}

// run runs envctl to its end.
func (x *experiment) run(args ...string) call {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd, out, errs := x.command(ctx, args...)
	err := cmd.Run()
	if ctx.Err() != nil {
		x.t.Fatalf("envctl %q does not end; stderr:\n%s", args, errs)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		x.t.Fatal(err)
	}
	return call{args, out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// must is run of what has to end with the status given.
func (x *experiment) must(code int, args ...string) call {
	x.t.Helper()
	c := x.run(args...)
	if c.code != code {
		x.t.Fatalf("envctl %q: exit status %d, expected %d\nstdout:\n%s\nstderr:\n%s", args, c.code, code, c.stdout, c.stderr)
	}
	return c
}

// result reads the one object of -o json.
func (c call) result(t testing.TB) stacks.Result {
	t.Helper()
	var r stacks.Result
	if err := json.Unmarshal([]byte(c.stdout), &r); err != nil {
		t.Fatalf("envctl %q: %v in %q; stderr:\n%s", c.args, err, c.stdout, c.stderr)
	}
	return r
}

// has fails the test unless text holds every part.
func has(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

// sound fails the test unless everything runs as it was set up, answers from
// outside and needs no change.
func (x *experiment) sound() stacks.Result {
	x.t.Helper()
	status := x.must(0, "status", "-o", "json").result(x.t)
	if status.Result != stacks.StatusRunning || len(status.Drift) > 0 {
		x.t.Fatalf("after up: %s, drift %+v, apps %+v", status.Result, status.Drift, status.Apps)
	}
	for _, app := range status.Apps {
		if app.State != stacks.AppRunning {
			x.t.Fatalf("app %+v", app)
		}
		if app.URL == "" {
			continue
		}
		if body, err := get(app.URL); err != nil || !strings.Contains(body, "hello from version") {
			x.t.Fatalf("%s says %q, %v", app.URL, body, err)
		}
	}
	again := x.must(0, "up", "-o", "json").result(x.t)
	if again.Result != stacks.Unchanged || again.Changes.Any() || len(again.Warnings) > 0 {
		x.t.Fatalf("a second up is not unchanged: %+v %+v", again, again.Changes)
	}
	return status
}

// gone fails the test unless nothing of the experiment is left, on the engine or
// in the state folder, where only the key stays.
func (x *experiment) gone() {
	x.t.Helper()
	left, err := leftovers(context.Background(), x.engine, x.name)
	if err != nil {
		x.t.Fatal(err)
	}
	err = filepath.WalkDir(x.state, func(path string, entry os.DirEntry, err error) error {
		name := strings.TrimSuffix(strings.TrimPrefix(path, x.state+"/"), ".attrs")
		// What models cost stays for the month, or down and up would reset a budget.
		if err != nil || entry.IsDir() || strings.HasPrefix(name, "ledgers/") || name == "key" || name == "key.salt" || name == "key.derived" || name == "pulumi/.pulumi/meta.yaml" {
			return err
		}
		left = append(left, "file "+name)
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		x.t.Fatal(err)
	}
	if len(left) > 0 {
		x.t.Fatalf("left after down:\n%s", strings.Join(left, "\n"))
	}
}
