package lifecycle_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/lifecycle"
	"github.com/envctl/envctl/stacks/state"
)

var ref = stacks.Ref{Experiment: "exp", Instance: "default", Target: "local"}

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// world is a target and an engine that note what they are asked and fail where a
// test says so.
type world struct {
	calls  []string
	fail   map[string]error // by call
	exists bool             // the stack
	obs    stacks.Observation
	opts   stacks.Options // of the last Up
	swept  []time.Time
}

func (w *world) call(name string) error {
	w.calls = append(w.calls, name)
	return w.fail[name]
}

func (w *world) Unsupported(*definition.Definition) []definition.Problem {
	if w.call("unsupported") != nil {
		return []definition.Problem{{Path: "apps.api.egress", Message: "unsupported"}}
	}
	return nil
}

func (w *world) Prepare(context.Context, stacks.Preparation) (map[string]plan.Image, error) {
	return map[string]plan.Image{"api": {Ref: digest, Keep: true}}, w.call("prepare")
}

func (w *world) Component(context.Context, *plan.Plan, bool) (components.Target, error) {
	return nil, w.call("component")
}

func (w *world) Observe(context.Context, *plan.Plan) (stacks.Observation, error) {
	return w.obs, w.call("observe")
}

func (w *world) States(context.Context) (map[stacks.Ref]stacks.State, error) {
	if err := w.call("states"); err != nil || !w.exists {
		return nil, err
	}
	return map[stacks.Ref]stacks.State{ref: {Apps: 1}}, nil
}

func (w *world) Prune(context.Context, *plan.Plan) (int, error) { return 0, w.call("prune") }

func (w *world) DataTypes() []string { return []string{"docker:index/volume:Volume"} }

func (w *world) Sweep(context.Context, stacks.Ref, bool) (int, error) {
	w.swept = append(w.swept, time.Now())
	return 0, w.call("sweep")
}

func (w *world) Preview(
	context.Context, stacks.Ref, pulumi.RunFunc, stacks.Options,
) ([]stacks.Step, stacks.Changes, error) {
	return nil, stacks.Changes{Create: 2}, w.call("preview")
}

func (w *world) Up(_ context.Context, _ stacks.Ref, _ pulumi.RunFunc, o stacks.Options) (map[string]any, stacks.Changes, error) {
	w.opts = o
	changes := stacks.Changes{Create: 2}
	if w.exists {
		changes = stacks.Changes{Same: 2}
	}
	w.exists = true
	return outputs(), changes, w.call("up")
}

func (w *world) Destroy(_ context.Context, _ stacks.Ref, o stacks.Options) (stacks.Changes, error) {
	w.opts = o
	if err := w.call("destroy"); err != nil || !w.exists {
		return stacks.Changes{}, err
	}
	w.exists = false
	return stacks.Changes{Delete: 2}, nil
}

func (w *world) Outputs(context.Context, stacks.Ref) (map[string]any, bool, error) {
	return outputs(), w.exists, nil
}

func outputs() map[string]any { return map[string]any{"environment": "envctl.exp.default"} }

func (w *world) IDs(context.Context, stacks.Ref) ([]string, error) {
	return []string{"/one"}, w.call("ids")
}
func (w *world) Generated(context.Context, stacks.Ref) (map[string]string, error) { return nil, nil }
func (w *world) List(context.Context) ([]stacks.Ref, error)                       { return nil, nil }

func newService(t *testing.T, w *world) *lifecycle.Service {
	t.Helper()
	dir := t.TempDir()
	d, err := state.Open(func(name string) string {
		if name == "ENVCTL_STATE_DIR" {
			return dir
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	return &lifecycle.Service{
		Target: w, Engine: w, State: d, Now: time.Now,
		Getenv: func(string) string { return "" },
		Judge:  func(*definition.Definition) ([]string, error) { return nil, w.call("judge") },
	}
}

func request(t *testing.T) lifecycle.Request {
	t.Helper()
	def, err := definition.Read([]byte("name: exp\nttl: 1h\napps: {api: {image: 'x:1'}}\n"), definition.ReadOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return lifecycle.Request{Definition: def, Ref: ref}
}

func TestUpGoesStepByStep(t *testing.T) {
	t.Parallel()
	w := &world{}
	s, req := newService(t, w), request(t)
	got, err := s.Up(t.Context(), req)
	if err != nil || got.Result != stacks.Created {
		t.Fatalf("first up: %v, %v", got.Result, err)
	}
	want := []string{"unsupported", "judge", "prepare", "component", "up"}
	if !slices.Equal(w.calls, want) {
		t.Errorf("first up: calls %v, want %v", w.calls, want)
	}
	expires := got.Expires

	w.calls = nil
	got, err = s.Up(t.Context(), req)
	if err != nil || got.Result != stacks.Unchanged || !got.Expires.Equal(expires) {
		t.Fatalf("second up: %v, expires %v after %v, %v", got.Result, got.Expires, expires, err)
	}
	if want = []string{"unsupported", "judge", "prepare", "observe", "component", "up"}; !slices.Equal(w.calls, want) {
		t.Errorf("second up: calls %v, want %v", w.calls, want)
	}
	if w.opts.Refresh {
		t.Error("an unchanged up reads every resource")
	}
}

// TestUnchangedUpIsSeenByLooking holds when an up that looked at everything may
// leave it at that, and when it must go through the engine all the same.
func TestUnchangedUpIsSeenByLooking(t *testing.T) {
	t.Parallel()
	hour := 2 * time.Hour
	for name, c := range map[string]struct {
		change func(*lifecycle.Service, *lifecycle.Request, *world)
		engine bool
	}{
		"nothing":       {func(*lifecycle.Service, *lifecycle.Request, *world) {}, false},
		"another build": {func(s *lifecycle.Service, _ *lifecycle.Request, _ *world) { s.Program = "2" }, true},
		"no build":      {func(s *lifecycle.Service, _ *lifecycle.Request, _ *world) { s.Program = "" }, true},
		"another ttl":   {func(_ *lifecycle.Service, r *lifecycle.Request, _ *world) { r.TTL = &hour }, true},
		"another file":  {func(_ *lifecycle.Service, r *lifecycle.Request, _ *world) { r.File = "elsewhere" }, true},
		"a given secret": {func(_ *lifecycle.Service, r *lifecycle.Request, _ *world) {
			r.Definition.Secrets = map[string]definition.Secret{"key": {Env: "KEY"}}
		}, true},
		"drift": {func(_ *lifecycle.Service, _ *lifecycle.Request, w *world) {
			w.obs = stacks.Observation{Drift: []stacks.Drift{{Resource: "network"}}}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			s, req := newService(t, w), request(t)
			s.Program = "1"
			s.Getenv = func(string) string { return "value" }
			first, err := s.Up(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			w.calls = nil
			c.change(s, &req, w)
			got, err := s.Up(t.Context(), req)
			if err != nil || slices.Contains(w.calls, "up") != c.engine {
				t.Errorf("calls %v, engine wanted %v, %v", w.calls, c.engine, err)
			}
			if got.Outputs == nil || got.Outputs.Environment != first.Outputs.Environment {
				t.Errorf("outputs %+v, want %+v", got.Outputs, first.Outputs)
			}
			if !c.engine && (got.Result != stacks.Unchanged || got.Changes.Same != first.Changes.Create) {
				t.Errorf("result %q, changes %+v", got.Result, got.Changes)
			}
		})
	}
}

// TestAFailedUpIsNoBasis holds that after a failure the next up goes through the
// engine, although the plan is the same.
func TestAFailedUpIsNoBasis(t *testing.T) {
	t.Parallel()
	w := &world{}
	s, req := newService(t, w), request(t)
	s.Program = "1"
	if _, err := s.Up(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	w.fail, w.obs = map[string]error{"up": errors.New("boom")}, stacks.Observation{Drift: []stacks.Drift{{}}}
	if _, err := s.Up(t.Context(), req); err == nil {
		t.Fatal("no error")
	}
	w.fail, w.obs, w.calls = nil, stacks.Observation{}, nil
	if _, err := s.Up(t.Context(), req); err != nil || !slices.Contains(w.calls, "up") {
		t.Errorf("calls %v, %v", w.calls, err)
	}
}

// TestWhatWasNeverMadeIsNotMended: after a failed up, what its plan has and the
// target does not is made, not mended; after a whole one it is mended.
func TestWhatWasNeverMadeIsNotMended(t *testing.T) {
	t.Parallel()
	w := &world{fail: map[string]error{"up": errors.New("boom")}}
	s, req := newService(t, w), request(t)
	if _, err := s.Up(t.Context(), req); err == nil {
		t.Fatal("no error")
	}
	w.fail, w.obs = nil, stacks.Observation{Drift: []stacks.Drift{{Resource: "app api", Want: "running", Got: "missing"}}}
	for i, want := range [][]string{nil, {"mended: app api is missing, want running"}} {
		got, err := s.Up(t.Context(), req)
		if err != nil || !slices.Equal(got.Warnings, want) {
			t.Errorf("up %d after the failed one: %q, %v; want %q", i+1, got.Warnings, err, want)
		}
	}
}

// TestFailureIsRecordedAndGoesOn fails an up at each step: the record says so,
// the next up goes on, and down leaves nothing.
func TestFailureIsRecordedAndGoesOn(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for _, step := range []string{"prepare", "component", "up"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := &world{fail: map[string]error{step: boom}}
			s, req := newService(t, w), request(t)
			got, err := s.Up(t.Context(), req)
			if !errors.Is(err, boom) || got.Result != stacks.Failed {
				t.Fatalf("up: %v, %v", got.Result, err)
			}
			rec, known, err := s.State.Load(ref)
			if err != nil || !known || rec.Interrupted() || !strings.Contains(rec.Last.Error, "boom") {
				t.Fatalf("record: known %v, last %+v, %v", known, rec.Last, err)
			}
			w.fail = nil
			if _, err := s.Up(t.Context(), req); err != nil {
				t.Fatalf("next up: %v", err)
			}
			if got, err := s.Down(t.Context(), lifecycle.Request{Ref: ref}); err != nil || got.Result != stacks.Destroyed {
				t.Fatalf("down: %v, %v", got.Result, err)
			}
			if _, known, _ := s.State.Load(ref); known {
				t.Error("down left a record")
			}
		})
	}
}

func TestRefusalTouchesNothing(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"unsupported", "judge"} {
		w := &world{fail: map[string]error{step: errors.New("refused")}}
		s, req := newService(t, w), request(t)
		if _, err := s.Up(t.Context(), req); err == nil {
			t.Errorf("%s: no error", step)
		}
		if slices.Contains(w.calls, "prepare") {
			t.Errorf("%s: images were prepared", step)
		}
		if _, known, _ := s.State.Load(ref); known {
			t.Errorf("%s: a record was made", step)
		}
	}
}

func TestUpReadsTheTargetWhereSomethingIsOff(t *testing.T) {
	t.Parallel()
	drift := stacks.Drift{Resource: "container api", Path: "HostConfig.Memory", Want: "1", Got: "2"}
	for name, c := range map[string]struct {
		obs  stacks.Observation
		want bool
	}{
		"sound":     {stacks.Observation{Apps: []stacks.AppStatus{{Name: "api", State: stacks.AppRunning}}}, false},
		"exited":    {stacks.Observation{Apps: []stacks.AppStatus{{Name: "api", State: stacks.AppExited}}}, true},
		"drift":     {stacks.Observation{Drift: []stacks.Drift{drift}}, true},
		"elsewhere": {stacks.Observation{Apps: []stacks.AppStatus{{Name: "api", State: stacks.AppRunning, URL: "http://x"}}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			s, req := newService(t, w), request(t)
			if _, err := s.Up(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			w.obs = c.obs
			got, err := s.Up(t.Context(), req)
			if err != nil || w.opts.Refresh != c.want {
				t.Errorf("refresh %v, want %v (%v)", w.opts.Refresh, c.want, err)
			}
			if n := len(got.Warnings); n != len(c.obs.Drift) {
				t.Errorf("%d warnings for %d differences", n, len(c.obs.Drift))
			}
		})
	}
}

// TestKilledOperation leaves the record as a kill does: begun and never ended.
func TestKilledOperation(t *testing.T) {
	t.Parallel()
	w := &world{}
	s, req := newService(t, w), request(t)
	if _, err := s.Up(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	rec, _, err := s.State.Load(ref)
	if err != nil {
		t.Fatal(err)
	}
	rec.Last = state.Started("up", time.Now())
	if err := s.State.Save(rec); err != nil {
		t.Fatal(err)
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 1 || list[0].State != stacks.StatusInterrupted {
		t.Errorf("list: %+v, %v", list, err)
	}
	if got, err := s.Status(t.Context(), ref); err != nil || len(got.Warnings) != 1 {
		t.Errorf("status: warnings %v, %v", got.Warnings, err)
	}
	// What fails before it touches anything leaves the mark of the kill.
	w.fail = map[string]error{"prepare": errors.New("boom")}
	if _, err := s.Up(t.Context(), req); err == nil {
		t.Error("an up whose images fail is no error")
	}
	if rec, _, err := s.State.Load(ref); err != nil || !rec.Interrupted() {
		t.Errorf("the kill is forgotten: %+v, %v", rec.Last, err)
	}
	w.fail = nil
	if _, err := s.Up(t.Context(), req); err != nil || !w.opts.Refresh || !slices.Contains(w.calls, "prune") {
		t.Errorf("up after a kill: refresh %v, %v, %v", w.opts.Refresh, w.calls, err)
	}
	// A down after a kill goes by labels first.
	rec.Last = state.Started("up", time.Now())
	if err := s.State.Save(rec); err != nil {
		t.Fatal(err)
	}
	w.calls, s.Late = nil, 50*time.Millisecond
	if _, err := s.Down(t.Context(), lifecycle.Request{Ref: ref}); err != nil {
		t.Fatal(err)
	}
	if n := len(w.swept); n != 2 || w.swept[1].Sub(w.swept[0]) < s.Late {
		t.Errorf("a down after a kill looks at %v", w.swept)
	}
	if first, last := slices.Index(w.calls, "sweep"), slices.Index(w.calls, "destroy"); first < 0 || first > last {
		t.Errorf("down after a kill: %v", w.calls)
	}
}

// trimmed is a target with more to look through after a killed operation.
type trimmed struct {
	*world
	ids []string
}

func (w *trimmed) Trim(_ context.Context, _ *plan.Plan, ids []string) (int, error) {
	w.ids = ids
	return 1, w.call("trim")
}

// What an up made that did not get through is looked for by the next one that does, as
// long as the look fails, and by no other.
func TestTrim(t *testing.T) {
	t.Parallel()
	w := &trimmed{world: &world{}}
	s, req := newService(t, w.world), request(t)
	s.Target = w
	killed := func() {
		t.Helper()
		rec, _, err := s.State.Load(ref)
		if err != nil {
			t.Fatal(err)
		}
		rec.Last, rec.Applied = state.Started("up", time.Now()), nil
		if err := s.State.Save(rec); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		before func()
		fail   map[string]error
		trims  bool
	}{
		{},
		{},
		{before: killed, fail: map[string]error{"trim": errors.New("boom")}, trims: true},
		{fail: map[string]error{"up": errors.New("boom")}},
		{trims: true},
		{},
	} {
		if c.before != nil {
			c.before()
		}
		w.calls, w.fail, w.ids = nil, c.fail, nil
		got, err := s.Up(t.Context(), req)
		if slices.Contains(w.calls, "trim") != c.trims || (err != nil) != (c.fail != nil) {
			t.Fatalf("up %d: %v, %v", i, w.calls, err)
		}
		if c.trims && (w.calls[len(w.calls)-1] != "trim" || !slices.Equal(w.ids, []string{"/one"}) || got.Changes.Delete != 1) {
			t.Errorf("up %d: %v with %v, %+v", i, w.calls, w.ids, got.Changes)
		}
	}
}

func TestDown(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	w := &world{}
	s, req := newService(t, w), request(t)
	if got, err := s.Down(t.Context(), lifecycle.Request{Ref: ref}); err != nil || got.Result != stacks.Absent {
		t.Errorf("of nothing: %v, %v", got.Result, err)
	}
	if !slices.Contains(w.calls, "sweep") {
		t.Error("an unknown experiment is not swept for")
	}
	if _, err := s.Up(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"destroy", "sweep"} {
		w.fail = map[string]error{step: boom}
		if got, err := s.Down(t.Context(), lifecycle.Request{Ref: ref}); !errors.Is(err, boom) || got.Result != stacks.Failed {
			t.Errorf("%s fails: %v, %v", step, got.Result, err)
		}
		if _, known, _ := s.State.Load(ref); !known {
			t.Errorf("%s fails: the record is gone", step)
		}
	}
	w.fail = nil
	if got, err := s.Down(t.Context(), lifecycle.Request{Ref: ref, KeepData: true}); err != nil || got.Result != stacks.Destroyed {
		t.Errorf("in the end: %v, %v", got.Result, err)
	}
	if !slices.Equal(w.opts.Keep, w.DataTypes()) {
		t.Errorf("with KeepData the engine was told to keep %v", w.opts.Keep)
	}
}

func TestPreviewWritesNothing(t *testing.T) {
	t.Parallel()
	w := &world{}
	s, req := newService(t, w), request(t)
	got, err := s.Preview(t.Context(), req)
	if err != nil || got.Result != stacks.Created || got.Changes.Create != 2 {
		t.Errorf("preview: %+v, %v", got, err)
	}
	if _, known, _ := s.State.Load(ref); known {
		t.Error("a record was made")
	}
}

// Two definitions of one name on one machine must be told about; a moved one is none.
func TestUpFromAnotherFile(t *testing.T) {
	t.Parallel()
	s, req := newService(t, &world{}), request(t)
	dir := t.TempDir()
	a, beside, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "beside.yaml"), filepath.Join(dir, "other", "a.yaml")
	if err := os.WriteFile(a, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		file  string
		warns bool
	}{{beside, false}, {a, false}, {a, false}, {b, true}, {a, false}} { // b was never there
		req.File = step.file
		got, err := s.Up(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if warned := slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, a+" before") }); warned != step.warns {
			t.Errorf("up %d from %s: warnings %q", i, step.file, got.Warnings)
		}
	}
}

func TestListWithoutAnEngine(t *testing.T) {
	t.Parallel()
	w := &world{}
	s, req := newService(t, w), request(t)
	if _, err := s.Up(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	w.fail = map[string]error{"states": errors.New("no engine")}
	if list, err := s.List(t.Context()); err != nil || len(list) != 1 || list[0].State != stacks.StatusUnknown || list[0].Reason != "no engine" {
		t.Errorf("list: %+v, %v", list, err)
	}
}

// One damaged record must not hide the experiments beside it.
func TestListBesideADamagedRecord(t *testing.T) {
	t.Parallel()
	w := &world{}
	s, req := newService(t, w), request(t)
	if _, err := s.Up(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(s.State.Path(), "records", "other.default.local.json")
	if err := os.WriteFile(damaged, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context())
	var told *state.DamagedError
	if len(list) != 1 || list[0].Experiment != req.Ref.Experiment || !errors.As(err, &told) || told.Path != damaged {
		t.Errorf("list: %+v, %v", list, err)
	}
}

// TestKilledBeforeItsRecord is a command that was killed while it built images: only
// its lock tells.
func TestKilledBeforeItsRecord(t *testing.T) {
	t.Parallel()
	w := &world{}
	s := newService(t, w)
	s.Late = 50 * time.Millisecond
	file := filepath.Join(s.State.Path(), "locks", ref.String()+".lock")
	if err := os.WriteFile(file, []byte(`{"pid": 1, "command": "envctl up"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Down(t.Context(), lifecycle.Request{Ref: ref}); err != nil {
		t.Fatal(err)
	}
	if n := len(w.swept); n != 2 || w.swept[1].Sub(w.swept[0]) < s.Late {
		t.Errorf("looked at %v", w.swept)
	}
	w.swept = nil
	if _, err := s.Down(t.Context(), lifecycle.Request{Ref: ref}); err != nil || len(w.swept) != 1 {
		t.Errorf("a down after one that ended looks at %v, %v", w.swept, err)
	}
}
