package state_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/state"
)

func path(d *state.Dir, r state.Record) string {
	return filepath.Join(d.Path(), "records", r.Ref.String()+".json")
}

func save(t *testing.T, d *state.Dir, r state.Record) {
	t.Helper()
	if err := d.Save(r); err != nil {
		t.Fatal(err)
	}
}

// compact brings plans into one spelling.
func compact(t *testing.T, r state.Record) state.Record {
	t.Helper()
	var v any
	if err := json.Unmarshal(r.Plan, &v); err != nil {
		t.Fatal(err)
	}
	r.Plan, _ = json.Marshal(v)
	r.Version = 1
	return r
}

func TestLoadReadsWhatSaveWrote(t *testing.T) {
	t.Parallel()
	d, want := open(t), record(1)
	if _, ok, err := d.Load(want.Ref); ok || err != nil {
		t.Fatalf("a record before any: %v, %v", ok, err)
	}
	save(t, d, want)
	got, ok, err := d.Load(want.Ref)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if diff := cmp.Diff(compact(t, want), compact(t, got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if info, err := os.Stat(path(d, want)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := d.Delete(want.Ref); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path(d, want))); err != nil || len(left) > 0 {
		t.Errorf("left after Delete: %v, %v", left, err)
	}
	if err := d.Delete(want.Ref); err != nil {
		t.Errorf("deleting nothing: %v", err)
	}
}

func TestLastPlan(t *testing.T) {
	t.Parallel()
	r := record(1)
	r.Plan = nil
	if p, err := r.LastPlan(); p != nil || err != nil {
		t.Errorf("no plan is %v, %v", p, err)
	}
	r.Plan = json.RawMessage(`{"experiment":"a","instance":"b","target":"c","workloads":null}`)
	if p, err := r.LastPlan(); err != nil || p.Spec().Experiment != "a" {
		t.Error(err)
	}
	r.Plan = json.RawMessage(`{"experiment":1}`)
	if _, err := r.LastPlan(); err == nil || !strings.Contains(err.Error(), r.Ref.String()) {
		t.Error(err)
	}
}

// Every cut and every wrong form is an error that leaves the file as it is, and
// names the backup where that is sound.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	d, r := open(t), record(1)
	save(t, d, r)
	good, err := os.ReadFile(path(d, r))
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string]string{
		"empty": "", "no JSON": "hello\n", "binary": "\x00\xff\n", "null": "null\n", "no version": "{}\n",
		"of another stack": strings.Replace(string(good), "experiment-0001", "experiment-0002", 1),
		"of the future":    strings.Replace(string(good), `"version":1`, `"version":2`, 1),
		"something after":  string(good) + "more",
	}
	for _, cut := range []int{1, len(good) / 8, len(good) / 2, len(good) - 1} {
		damages[string(rune('0'+cut%10))+" cut"] = string(good[:cut])
	}
	for name, data := range damages {
		if err := os.WriteFile(path(d, r), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		var damaged *state.DamagedError
		if _, ok, err := d.Load(r.Ref); ok || !errors.As(err, &damaged) {
			t.Errorf("%s: %v, %v", name, ok, err)
			continue
		}
		if name == "of the future" {
			if strings.Contains(damaged.Error(), "damaged") || !strings.Contains(damaged.Hint(), "the envctl that wrote it") {
				t.Errorf("%s: %v; %s", name, damaged, damaged.Hint())
			}
			continue
		}
		if damaged.Backup != "" || !strings.Contains(damaged.Hint(), "mv ") {
			t.Errorf("%s: a backup that is not there: %s", name, damaged.Hint())
		}
		if now, _ := os.ReadFile(path(d, r)); string(now) != data {
			t.Errorf("%s: the file was changed", name)
		}
	}
	save(t, d, r) // keeps the damaged one as the backup, which is none
	save(t, d, r)
	if err := os.WriteFile(path(d, r), good[:9], 0o600); err != nil {
		t.Fatal(err)
	}
	var damaged *state.DamagedError
	if _, _, err := d.Load(r.Ref); !errors.As(err, &damaged) || damaged.Backup == "" {
		t.Fatalf("no backup offered: %v", err)
	}
	// The hint is a command that works.
	command, _ := strings.CutPrefix(damaged.Hint(), "restore the previous version: ")
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v %s", command, err, out)
	}
	if _, ok, err := d.Load(r.Ref); !ok || err != nil {
		t.Errorf("after restoring: %v, %v", ok, err)
	}
}

func TestListGivesTheSoundAndReportsTheDamaged(t *testing.T) {
	t.Parallel()
	d := open(t)
	if list, err := d.List(); len(list) != 0 || err != nil {
		t.Fatal(list, err)
	}
	for i := range 5 {
		save(t, d, record(i))
		save(t, d, record(i)) // makes backups, which are no records
	}
	dir := filepath.Join(d.Path(), "records")
	for _, foreign := range []string{"README", ".DS_Store", "a.b.json", "a.b.c.d.json", "A.b.c.json", ".x.tmp-1", "..json", "a.b.c.json~"} {
		if err := os.WriteFile(filepath.Join(dir, foreign), []byte("not ours"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "a.b.c.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	list, err := d.List()
	if err != nil || len(list) != 5 {
		t.Fatalf("%d records, %v", len(list), err)
	}
	for i, r := range list {
		want := record(i)
		want.Plan, want.Version = nil, 1
		if diff := cmp.Diff(want, r); diff != "" {
			t.Errorf("record %d:\n%s", i, diff)
		}
	}
	for _, i := range []int{1, 3} {
		if err := os.WriteFile(path(d, record(i)), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err = d.List()
	if len(list) != 3 || !errors.As(err, new(*state.DamagedError)) {
		t.Fatalf("%d records, %v", len(list), err)
	}
	for _, name := range []string{"experiment-0001", "experiment-0003"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// A name that leaves the folder is refused by everything that takes one.
func TestNamesThatAreNoStack(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, ref := range []stacks.Ref{
		{}, {Experiment: "..", Instance: "a", Target: "local"}, {Experiment: "a", Instance: "../../x", Target: "local"},
		{Experiment: "a", Instance: "b", Target: "c/d"}, {Experiment: "a.b", Instance: "c", Target: "d"},
	} {
		_, _, load := d.Load(ref)
		_, lock := d.Lock(t.Context(), ref, state.LockOptions{})
		for op, err := range map[string]error{"Load": load, "Save": d.Save(state.Record{Ref: ref}), "Delete": d.Delete(ref), "Lock": lock} {
			if err == nil || !strings.Contains(err.Error(), "DNS label") {
				t.Errorf("%s(%q): %v", op, ref, err)
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	other := state.Started("up", time.Now())
	other.Process.PID, other.Process.Start = child.Process.Pid, ""
	reused := other
	reused.Process.Start = "another boot/1"
	ended := other.Finished(time.Now(), nil)
	for name, tt := range map[string]struct {
		last state.Operation
		want bool
	}{
		"never operated": {state.Operation{}, false}, "ended": {ended, false}, "by another process": {other, false},
		"by a process whose PID another has now": {reused, true}, "by this process": {state.Started("up", time.Now()), true},
		"by nobody known": {state.Operation{Command: "up", Started: time.Now()}, true},
	} {
		if got := (state.Record{Last: tt.last}).Interrupted(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if !(state.Record{Last: other}).Interrupted() {
		t.Error("the process is gone")
	}
}

func TestFinished(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	failed := state.Started("up", began).Finished(began.Add(time.Second), errors.New("boom"))
	if failed.Error != "boom" || failed.Ended.Sub(failed.Started) != time.Second {
		t.Errorf("%+v", failed)
	}
	if again := failed.Finished(began, nil); again.Error != "" {
		t.Errorf("%+v", again)
	}
}
