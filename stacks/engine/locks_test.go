package engine_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

// putLock writes a lock as Pulumi's self-managed backend does.
func putLock(t *testing.T, dir string, pid int, host string, since time.Time) string {
	t.Helper()
	folder := filepath.Join(dir, "pulumi/.pulumi/locks/organization", engine.Project, ref.String())
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(map[string]any{"pid": pid, "username": "ada", "hostname": host, "timestamp": since})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "6f2c3c8e-0000-4000-8000-000000000001.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLocks(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		pid         int
		host        string
		since       time.Time
		interrupted bool
		broken      bool
	}{
		"of a dead process, after a kill":       {dead(t), host, time.Now(), true, true},
		"of a dead process, without a kill":     {dead(t), host, time.Now(), false, false},
		"of a living process":                   {os.Getppid(), host, time.Now(), true, false},
		"of a number that was given out again":  {os.Getppid(), host, time.Now().Add(-1000 * time.Hour), true, true},
		"of this process, which holds envctl's": {os.Getpid(), host, time.Now(), true, true},
		"of another machine":                    {dead(t), "elsewhere", time.Now(), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, w := t.TempDir(), newWorld()
			interrupted := false
			e := newEngine(t, dir, withWorld(w), func(c *engine.Config) {
				c.Interrupted = func(r stacks.Ref) bool { return interrupted && r == ref }
			})
			if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
				t.Fatal(err)
			}
			file := putLock(t, dir, tt.pid, tt.host, tt.since)
			interrupted = tt.interrupted
			if _, _, err := e.Preview(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
				t.Errorf("a preview needs no lock: %v", err)
			}
			_, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}, thing{name: "b"}), stacks.Options{})
			_, statErr := os.Stat(file)
			if tt.broken {
				if err != nil || statErr == nil || w.made()["b"] != 1 {
					t.Errorf("up: %v; the lock is there: %t", err, statErr == nil)
				}
				return
			}
			var locked *engine.LockedError
			if !errors.As(err, &locked) || locked.PID != tt.pid || locked.Hostname != tt.host || locked.Username != "ada" ||
				locked.ExitStatus() != 5 || locked.Code() != "locked" || !strings.Contains(locked.Hint(), "pulumi cancel") {
				t.Errorf("up: %#v", err)
			}
			if statErr != nil || w.made()["b"] != 0 {
				t.Errorf("the lock of somebody else was broken: %v, made %v", statErr, w.made())
			}
			if _, err := e.Destroy(t.Context(), ref, stacks.Options{}); !errors.As(err, &locked) || w.made()["a"] != 1 {
				t.Errorf("destroy: %v", err)
			}
		})
	}
}

// A lock that a kill left half written names nobody; it is broken like one of a
// dead process, since envctl's own lock is held.
func TestAHalfWrittenLock(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	interrupted := false
	e := newEngine(t, dir, withWorld(w), func(c *engine.Config) {
		c.Interrupted = func(stacks.Ref) bool { return interrupted }
	})
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	file := putLock(t, dir, 1, "", time.Now())
	if err := os.WriteFile(file, []byte(`{"pid":`), 0o600); err != nil {
		t.Fatal(err)
	}
	interrupted = true
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
		t.Errorf("up: %v", err)
	}
}
