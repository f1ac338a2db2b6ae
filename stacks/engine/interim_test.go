package engine_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

// resource is one of a state.
type resource struct {
	URN, ID string
	Delete  bool
}

func (r resource) String() string {
	if r.Delete {
		return r.URN + " " + r.ID + " (to delete)"
	}
	return r.URN + " " + r.ID
}

// within returns a program that makes things inside a component, one after another
// where chained.
func within(component string, chained bool, things ...thing) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		var parent pulumi.ResourceState
		if err := ctx.RegisterComponentResource("fake:index:Group", component, &parent); err != nil {
			return err
		}
		var last pulumi.Resource
		for _, th := range things {
			options := []pulumi.ResourceOption{pulumi.Parent(&parent)}
			if chained && last != nil {
				options = append(options, pulumi.DependsOn([]pulumi.Resource{last}))
			}
			made := &pulumi.CustomResourceState{}
			if err := ctx.RegisterResource("fake:index/thing:Thing", th.name, pulumi.Map{"do": pulumi.String(th.do)}, made, options...); err != nil {
				return err
			}
			last = made
		}
		return ctx.RegisterResourceOutputs(&parent, pulumi.Map{"things": pulumi.Int(len(things))})
	}
}

// At the end of an update, the interim state has the very resources that Pulumi's
// own state has, each after what it depends on.
func TestTheInterimStateIsTheState(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w), func(c *engine.Config) { c.Interim = time.Millisecond })
	var got []string
	e.OnInterim(func(resources []string) { got = resources })
	for _, step := range []struct {
		name    string
		program pulumi.RunFunc
		refresh bool
		fails   bool
	}{
		{name: "made", program: within("g", true, thing{name: "a"}, thing{name: "b"}, thing{name: "c"})},
		{name: "the same", program: within("g", true, thing{name: "a"}, thing{name: "b"}, thing{name: "c"})},
		{name: "refreshed", program: within("g", true, thing{name: "a"}, thing{name: "b"}, thing{name: "c"}), refresh: true},
		{name: "updated, added and removed", program: within("g", true, thing{name: "b"}, thing{name: "d"}, thing{name: "a", do: "other"}), refresh: true},
		{name: "replaced", program: within("g", true, thing{name: "b", do: "make, then delete"}, thing{name: "d"}, thing{name: "a"})},
		{name: "replaced, deleted first", program: within("g", true, thing{name: "b"}, thing{name: "d", do: "delete, then make"}, thing{name: "a"})},
		{name: "one fails", program: within("g", false, thing{name: "a"}, thing{name: "x", do: "fail"}, thing{name: "d"}), fails: true},
		{name: "another component", program: within("h", true, thing{name: "a"}, thing{name: "e"})},
		{name: "nothing", program: of()},
	} {
		got = nil
		_, _, err := e.Up(t.Context(), ref, step.program, stacks.Options{Refresh: step.refresh})
		if (err != nil) != step.fails {
			t.Fatalf("%s: %v", step.name, err)
		}
		state := stateOf(t, dir)
		want := make([]string, 0, len(state))
		for _, r := range state {
			want = append(want, r.String())
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the state and the interim state: %s", step.name, diff)
		}
		if _, err := os.Stat(interimFile(dir)); !step.fails && !os.IsNotExist(err) {
			t.Errorf("%s: the interim state is left: %v", step.name, err)
		}
	}
}

func interimFile(dir string) string {
	return filepath.Join(dir, "pulumi", "envctl", "interim", engine.Project, ref.String()+".json")
}

func stateOf(t *testing.T, dir string) []resource {
	t.Helper()
	raw, err := os.ReadFile(stateFile(dir, ref))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Checkpoint struct {
			Latest struct{ Resources []resource }
		}
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	return state.Checkpoint.Latest.Resources
}

// killedIn names the folder of the update that this program makes and is killed in.
const killedIn = "ENVCTL_TEST_KILLED_IN"

// TestKilled is the process of [TestAKilledUpdateGoesOnFromTheInterimState].
func TestKilled(t *testing.T) {
	dir := os.Getenv(killedIn)
	if dir == "" {
		t.Skip("for another test")
	}
	w := newWorld()
	w.hook = func() {
		for { // until c is written; nothing else ends this
			if raw, err := os.ReadFile(interimFile(dir)); err == nil && strings.Contains(string(raw), "id-c") {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
			time.Sleep(time.Millisecond)
		}
	}
	e := newEngine(t, dir, withWorld(w), func(c *engine.Config) { c.FinalState, c.Interim = true, 5*time.Millisecond })
	_, _, err := e.Up(t.Context(), ref, within("g", true,
		thing{name: "a"}, thing{name: "b"}, thing{name: "c"}, thing{name: "last", do: "hook"}), stacks.Options{})
	t.Fatalf("not killed: %v", err)
}

// What a killed update made is known to the next one, although no state was written:
// what is as it was stays, what changed is changed, and what nobody wants any more goes.
func TestAKilledUpdateGoesOnFromTheInterimState(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"as it was left": nil,
		"damaged":        func(t *testing.T, dir string) { write(t, interimFile(dir), "{\"version\": 3, \"depl") },
		"gone":           func(t *testing.T, dir string) { must(t, os.Remove(interimFile(dir))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			self, err := os.Executable()
			must(t, err)
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestKilled$", "-test.timeout=2m")
			cmd.Env = append(os.Environ(), killedIn+"="+dir)
			out, err := cmd.CombinedOutput()
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); err == nil || !ok || status.Signal() != syscall.SIGKILL {
				t.Fatalf("%v: %s", err, out)
			}
			if got := stateOf(t, dir); len(got) > 0 {
				t.Fatalf("the state was written: %v", got)
			}
			if spoil != nil {
				spoil(t, dir)
			}
			e := newEngine(t, dir, withWorld(newWorld()), func(c *engine.Config) {
				c.Interrupted = func(stacks.Ref) bool { return true }
			})
			_, changes, err := e.Up(t.Context(), ref, within("g", true, thing{name: "a"}, thing{name: "b", do: "other"}, thing{name: "d"}), stacks.Options{})
			must(t, err)
			want := stacks.Changes{Create: 1, Update: 1, Delete: 1, Same: 1}
			if spoil != nil {
				want = stacks.Changes{Create: 3} // known to nobody
			}
			if changes != want {
				t.Errorf("%+v, want %+v", changes, want)
			}
			if got := recorded(t, dir, ref); !slices.Equal(got, []string{"a", "b", "d"}) {
				t.Errorf("the state has %v", got)
			}
			if _, err := os.Stat(interimFile(dir)); !os.IsNotExist(err) {
				t.Errorf("the interim state is left: %v", err)
			}
		})
	}
}

// An update that was killed at its very end has written its state; an interim state
// that is older says nothing.
func TestAnInterimStateThatIsOlder(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w), func(c *engine.Config) { c.Interrupted = func(stacks.Ref) bool { return true } })
	_, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{})
	must(t, err)
	write(t, interimFile(dir), `{"version": 3, "deployment": {"manifest": {"time": "`+time.Now().Add(-time.Minute).Format(time.RFC3339Nano)+`"}, "resources": []}}`)
	_, changes, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{})
	if err != nil || changes != (stacks.Changes{Same: 1}) {
		t.Errorf("%+v, %v", changes, err)
	}
}

// What cannot be written stops an update: it would make what nobody knows of.
func TestAnInterimStateThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w), func(c *engine.Config) { c.Interim = time.Millisecond })
	_, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{})
	must(t, err)
	folder := filepath.Join(dir, "pulumi", "envctl")
	must(t, os.RemoveAll(folder))
	write(t, folder, "no folder")
	_, _, err = e.Up(t.Context(), ref, of(thing{name: "a"}, thing{name: "b", do: "block"}), stacks.Options{})
	if !errors.As(err, new(*engine.RecordError)) || !strings.Contains(err.Error(), "the state cannot be recorded") {
		t.Errorf("%v", err)
	}
	if got := recorded(t, dir, ref); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the state has %v", got)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
