package engine_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

// operations are all that read a stack's state.
func operations(t *testing.T, e *engine.Engine, program thing) map[string]func() error {
	return map[string]func() error{
		"up": func() error {
			_, _, err := e.Up(t.Context(), ref, of(program), stacks.Options{})
			return err
		},
		"preview": func() error {
			_, _, err := e.Preview(t.Context(), ref, of(program), stacks.Options{})
			return err
		},
		"destroy": func() error {
			_, err := e.Destroy(t.Context(), ref, stacks.Options{})
			return err
		},
		"outputs": func() error {
			_, _, err := e.Outputs(t.Context(), ref)
			return err
		},
		"generated": func() error {
			_, err := e.Generated(t.Context(), ref)
			return err
		},
	}
}

func TestADamagedStateIsNamedAndCanBeRestored(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(sound []byte) []byte{
		"truncated": func(sound []byte) []byte { return sound[:len(sound)/2] },
		"empty":     func([]byte) []byte { return nil },
		"binary":    func([]byte) []byte { return []byte("\x1f\x8b\x00\xff\xfe") },
		"other":     func([]byte) []byte { return []byte(`["a list"]`) },
		"integrity": func(sound []byte) []byte { // the resource comes before its provider
			return []byte(strings.Replace(string(sound), `"type":"pulumi:providers:fake"`, `"type":"fake:index/thing:Thing"`, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, w := t.TempDir(), newWorld()
			interrupted := false
			e := newEngine(t, dir, withWorld(w), func(c *engine.Config) {
				c.Interrupted = func(stacks.Ref) bool { return interrupted }
			})
			program := thing{name: "a"}
			if _, _, err := e.Up(t.Context(), ref, of(program), stacks.Options{}); err != nil {
				t.Fatal(err)
			}
			file := stateFile(dir, ref)
			sound, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			broken := damage(sound)
			if err := os.WriteFile(file, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			var damaged *engine.StateError
			for _, interrupted = range []bool{false, true} {
				for op, do := range operations(t, e, program) {
					if name == "integrity" && (op == "outputs" || op == "generated") {
						continue // what they read is sound
					}
					if err := do(); !errors.As(err, &damaged) || damaged.Path != file || !strings.Contains(damaged.Hint(), damaged.Backup) {
						t.Errorf("%s: %v", op, err)
					}
				}
			}
			if now, err := os.ReadFile(file); err != nil || string(now) != string(broken) {
				t.Errorf("the damaged state was changed: %v", err)
			}
			restore(t, damaged)
			if _, changes, err := e.Up(t.Context(), ref, of(program), stacks.Options{}); err != nil {
				t.Errorf("up after restoring: %+v, %v", changes, err)
			}
		})
	}
}

// restore does what the hint says.
func restore(t *testing.T, damaged *engine.StateError) {
	t.Helper()
	if damaged == nil || damaged.Backup == "" {
		t.Fatalf("no backup is named: %+v", damaged)
	}
	raw, err := os.ReadFile(damaged.Backup)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged.Path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedStateWithoutBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, dir, withWorld(newWorld()))
	if _, _, err := e.Up(t.Context(), ref, of(), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	file := stateFile(dir, ref)
	for _, gone := range []string{file + ".bak", dir + "/pulumi/.pulumi/backups"} {
		if err := os.RemoveAll(gone); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := e.Outputs(t.Context(), ref)
	var damaged *engine.StateError
	if !errors.As(err, &damaged) || damaged.Backup != "" || !strings.Contains(damaged.Hint(), "move it away") {
		t.Errorf("outputs: %v", err)
	}
}

// pending adds an operation to a state as a killed run leaves it.
func pending(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var state map[string]any
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	latest := state["checkpoint"].(map[string]any)["latest"].(map[string]any)
	latest["pending_operations"] = []any{map[string]any{
		"type": "creating",
		"resource": map[string]any{
			"urn":  "urn:pulumi:" + ref.String() + "::" + engine.Project + "::fake:index/thing:Thing::half",
			"type": "fake:index/thing:Thing", "custom": true, "inputs": map[string]any{"do": ""},
		},
	}}
	if raw, err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPendingOperationsAreDropped(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w), func(c *engine.Config) {
		c.Interrupted = func(stacks.Ref) bool { return true }
	})
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	pending(t, stateFile(dir, ref))
	var said []string
	opts := stacks.Options{OnEvent: func(ev stacks.Event) {
		if ev.Type == stacks.EventLog {
			said = append(said, ev.Message)
		}
	}}
	_, changes, err := e.Up(t.Context(), ref, of(thing{name: "a"}, thing{name: "half"}), opts)
	if err != nil || changes.Create != 1 || changes.Same != 1 {
		t.Errorf("up: %+v, %v", changes, err)
	}
	if len(said) > 0 {
		t.Errorf("up said %q", said)
	}
	raw, err := os.ReadFile(stateFile(dir, ref))
	if err != nil || strings.Contains(string(raw), "pending_operations") {
		t.Errorf("the state still has pending operations, or: %v", err)
	}
	pending(t, stateFile(dir, ref))
	if _, err := e.Destroy(t.Context(), ref, stacks.Options{}); err != nil || len(w.made()) > 0 {
		t.Errorf("destroy: %v, left %v", err, w.made())
	}
}
