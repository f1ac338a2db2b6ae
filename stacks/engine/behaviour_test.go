package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

func run(t *testing.T, name string, args ...string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// stateFile is where the diy backend keeps a stack.
func stateFile(dir string, r stacks.Ref) string {
	return filepath.Join(dir, "pulumi", ".pulumi", "stacks", engine.Project, r.String()+".json")
}

// recorded are the names of the things that the state knows.
func recorded(t *testing.T, dir string, r stacks.Ref) []string {
	t.Helper()
	raw, err := os.ReadFile(stateFile(dir, r))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []struct{ URN, Type string }
			}
		}
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, res := range state.Checkpoint.Latest.Resources {
		if res.Type == "fake:index/thing:Thing" {
			out = append(out, res.URN[strings.LastIndex(res.URN, ":")+1:])
		}
	}
	slices.Sort(out)
	return out
}

func TestAFailingResourceSaysWhyAndTheRestIsRecorded(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w))
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	var events []stacks.Event
	opts := stacks.Options{OnEvent: func(ev stacks.Event) { events = append(events, ev) }}
	program := of(thing{name: "a"}, thing{name: "b", do: "fail beside"}, thing{name: "c", do: "slow"})
	_, _, err := e.Up(t.Context(), ref, program, opts)
	var failed *engine.ResourceError
	if !errors.As(err, &failed) {
		t.Fatalf("up: %v", err)
	}
	want := []engine.Failure{{Resource: "b", Kind: "thing", Message: errNoRoom.Error()}}
	if !slices.Equal(failed.Failures, want) || err.Error() != `thing "b": `+errNoRoom.Error() {
		t.Errorf("up: %q, %+v", err, failed.Failures)
	}
	if got := recorded(t, dir, ref); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("the state holds %v", got)
	}
	if !strings.Contains(failed.Reason(), "what exists is recorded") {
		t.Errorf("reason %q", failed.Reason())
	}
	ends := map[string]string{}
	for _, ev := range events {
		if ev.Type == stacks.EventResource && ev.State != stacks.StateRunning {
			ends[ev.Resource] = ev.State
		}
		if ev.Type == stacks.EventLog && ev.Resource != "b" {
			t.Errorf("the log says more than the reason: %+v", ev)
		}
	}
	if !maps.Equal(ends, map[string]string{"b": "failed", "c": "done"}) {
		t.Errorf("events end with %v", ends)
	}
	_, changes, err := e.Up(t.Context(), ref, of(thing{name: "a"}, thing{name: "b"}, thing{name: "c", do: "slow"}), stacks.Options{})
	if err != nil || changes.Create != 1 || changes.Same != 2 {
		t.Errorf("the next up: %+v, %v", changes, err)
	}
	if got := w.made(); !maps.Equal(got, map[string]int{"a": 1, "b": 1, "c": 1}) {
		t.Errorf("made %v", got)
	}
}

func TestAFailingProgram(t *testing.T) {
	t.Parallel()
	w := newWorld()
	e := newEngine(t, t.TempDir(), withWorld(w))
	program := func(ctx *pulumi.Context) error {
		return errors.Join(of(thing{name: "a"})(ctx), errors.New("the program has had enough"))
	}
	_, _, err := e.Up(t.Context(), ref, program, stacks.Options{})
	if err == nil || !strings.Contains(err.Error(), "the program has had enough") || strings.Contains(err.Error(), "\n") {
		t.Errorf("up: %q", err)
	}
	if _, err := e.Destroy(t.Context(), ref, stacks.Options{}); err != nil || len(w.made()) != 0 {
		t.Errorf("destroy: %v, left %v", err, w.made())
	}
}

func TestCancelStopsAndTheNextUpGoesOn(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w))
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "first"}), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("somebody pressed Ctrl-C")
	ended := make(chan error, 1)
	go func() {
		_, _, err := e.Up(ctx, ref, of(thing{name: "first"}, thing{name: "slow", do: "block"}), stacks.Options{})
		ended <- err
	}()
	if name := <-w.blocked; name != "slow" {
		t.Fatalf("%q blocks", name)
	}
	cancel(stop)
	select {
	case err := <-ended:
		if !errors.Is(err, stop) || !strings.Contains(err.Error(), `thing "slow": told to stop while making it`) {
			t.Errorf("the cancelled up: %v", err)
		}
	case <-time.After(30 * time.Second): // it takes milliseconds; machines are busy
		t.Fatal("a cancelled up does not return")
	}
	if got := recorded(t, dir, ref); !slices.Equal(got, []string{"first"}) {
		t.Errorf("the state holds %v", got)
	}
	locks, err := filepath.Glob(filepath.Join(dir, "pulumi/.pulumi/locks/organization", engine.Project, ref.String(), "*"))
	if err != nil || len(locks) > 0 {
		t.Errorf("locks left: %v, %v", locks, err)
	}
	_, changes, err := e.Up(t.Context(), ref, of(thing{name: "first"}, thing{name: "slow"}), stacks.Options{})
	if err != nil || changes.Create != 1 || changes.Same != 1 {
		t.Errorf("the next up: %+v, %v", changes, err)
	}
	if got := w.made(); !maps.Equal(got, map[string]int{"first": 1, "slow": 1}) {
		t.Errorf("made %v", got)
	}
}

func TestAnEndedContextStartsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld()
	e := newEngine(t, t.TempDir(), withWorld(w))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := e.Up(ctx, ref, of(thing{name: "a"}), stacks.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("up: %v", err)
	}
	if got := w.made(); len(got) != 0 {
		t.Errorf("made %v", got)
	}
}

func TestStacksSideBySide(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w))
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			r := stacks.Ref{Experiment: "side", Instance: fmt.Sprintf("i%d", i), Target: "local"}
			name := fmt.Sprintf("thing%d", i)
			for range 2 {
				if _, _, err := e.Up(t.Context(), r, of(thing{name: name, secret: "s3cret"}), stacks.Options{}); err != nil {
					t.Errorf("up %s: %v", r, err)
				}
			}
			if got := recorded(t, dir, r); !slices.Equal(got, []string{name}) {
				t.Errorf("%s holds %v", r, got)
			}
			if _, err := e.Destroy(t.Context(), r, stacks.Options{}); err != nil {
				t.Errorf("destroy %s: %v", r, err)
			}
		})
	}
	wg.Wait()
	if left, err := e.List(t.Context()); err != nil || len(left) > 0 || len(w.made()) > 0 {
		t.Errorf("left %v, %v, %v", left, w.made(), err)
	}
}

func TestPreviewSaysWhatUpDoes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	e := newEngine(t, t.TempDir(), withWorld(w))
	before := of(thing{name: "kept"}, thing{name: "changed"}, thing{name: "dropped"})
	if _, _, err := e.Up(t.Context(), ref, before, stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	after := of(thing{name: "kept"}, thing{name: "changed", secret: "s3cret"}, thing{name: "new"})
	steps, changes, err := e.Preview(t.Context(), ref, after, stacks.Options{Refresh: true})
	if err != nil {
		t.Fatal(err)
	}
	want := stacks.Changes{Create: 1, Update: 1, Delete: 1, Same: 1}
	if changes != want {
		t.Errorf("preview counts %+v", changes)
	}
	got := map[string]string{}
	for _, s := range steps {
		got[s.Name] = s.Op
	}
	if !maps.Equal(got, map[string]string{"kept": "same", "changed": "update", "dropped": "delete", "new": "create"}) {
		t.Errorf("steps: %v", got)
	}
	if raw, _ := json.Marshal(steps); strings.Contains(string(raw), "s3cret") {
		t.Errorf("a preview shows a secret: %s", raw)
	}
	if made := w.made(); made["new"] != 0 || made["dropped"] != 1 {
		t.Errorf("a preview changed things: %v", made)
	}
	if _, changes, err := e.Up(t.Context(), ref, after, stacks.Options{}); err != nil || changes != want {
		t.Errorf("up counts %+v, %v", changes, err)
	}
}
