package dockerrun_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/debiantest"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/isolation/isolationtest"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/oneshot/dockerrun"
)

// pythonImage is made of Debian's packages and stays on the engine: making it
// takes half a minute.
const pythonImage = "envctl-test/python:bookworm"

// withPython makes sure that the engine has the image.
func withPython(t *testing.T, engine *docker.Engine) {
	t.Helper()
	debiantest.Image(t, engine, debiantest.Recipe{Tag: pythonImage, Packages: []string{"python3", "python3-pip"}})
}

// rig is an engine, a folder for records and a folder for files.
type rig struct {
	*testing.T
	engine *docker.Engine
	deps   oneshot.Deps
	dir    string
	level  string // of isolation
}

// underEach runs a test under each level of isolation.
func underEach(t *testing.T, test func(t *testing.T, r rig)) {
	t.Parallel()
	isolationtest.Each(t, dockertest.Engine(t), func(t *testing.T, c isolation.Choice) {
		t.Parallel()
		r := newRig(t)
		r.level = c.Level
		test(t, r)
	})
}

func newRig(t *testing.T) rig {
	t.Helper()
	engine := dockertest.Engine(t)
	withPython(t, engine)
	return rig{t, engine, oneshot.Deps{Runner: dockerrun.New(engine), Dir: t.TempDir()}, t.TempDir(), isolation.Container}
}

// file writes a file and returns its path.
func (r rig) file(name, content string) string {
	r.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		r.Fatal(err)
	}
	return file
}

// python is the spec of a script.
func python(source string) oneshot.Spec {
	return oneshot.Spec{Image: pythonImage, File: "main.py", Source: []byte(source)}
}

// result is how a run went.
type result struct {
	oneshot.Report
	out, err string
	failed   error
}

func (r rig) run(spec oneshot.Spec, stdin string) result {
	r.Helper()
	return r.runWith(r.Context(), spec, stdin)
}

func (r rig) runWith(ctx context.Context, spec oneshot.Spec, stdin string) result {
	r.Helper()
	var stdout, stderr bytes.Buffer
	streams := oneshot.Streams{Stdout: &stdout, Stderr: &stderr}
	if stdin != "" {
		streams.Stdin = strings.NewReader(stdin)
	}
	spec.Isolation = cmp.Or(spec.Isolation, r.level)
	report, err := oneshot.Run(ctx, r.deps, spec, streams)
	return result{report, stdout.String(), stderr.String(), err}
}

// fine fails the test where a run did not end with exit status 0.
func (r rig) fine(res result) result {
	r.Helper()
	if res.failed != nil || res.ExitCode != 0 {
		r.Fatalf("%v, exit status %d, stdout %q, stderr %q", res.failed, res.ExitCode, res.out, res.err)
	}
	return res
}

// gone fails the test where something of a run is still on the engine.
func (r rig) gone(id string) {
	r.Helper()
	left, err := r.engine.Leftovers(context.WithoutCancel(r.Context()), map[string]string{"dev.envctl.run": id})
	if err != nil {
		r.Fatal(err)
	}
	if left.Count() > 0 {
		r.Errorf("left behind: %+v", left)
	}
}

// kind returns the error's kind; empty: it is no error of a run.
func kind(err error) string {
	var e *oneshot.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// sweepAll removes images too.
var sweepAll = docker.SweepOptions{}

// nonstop is for what is done after a test.
func nonstop() context.Context { return context.Background() }

// dropLayer removes the image of a run's packages.
func (r rig) dropLayer(id string) {
	r.Helper()
	record, err := r.deps.Load(id)
	if err != nil || record.Lock == nil {
		r.Fatalf("record of %s: %v", id, err)
	}
	gone, err := r.engine.Sweep(r.Context(), map[string]string{"dev.envctl.lock": record.Report.Lock}, sweepAll)
	if err != nil || len(gone.Images) != 1 {
		r.Fatalf("removed %+v, %v", gone, err)
	}
}

// workload is what a profile is made of.
func workload(memory int64, cpu float64, scratch int64) plan.Workload {
	return plan.Workload{Kind: plan.Job, User: 65532, CPU: cpu, Memory: memory, Scratch: scratch}
}

// tag names an image until the test ends.
func (r rig) tag(image, name string) {
	r.Helper()
	api := r.engine.Client()
	if _, err := api.ImageTag(r.Context(), client.ImageTagOptions{Source: image, Target: name}); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _, _ = api.ImageRemove(nonstop(), name, client.ImageRemoveOptions{}) })
}

// connected is an engine that need not be found any more.
func connected(engine *docker.Engine) func(context.Context) (*docker.Engine, error) {
	return func(context.Context) (*docker.Engine, error) { return engine, nil }
}
