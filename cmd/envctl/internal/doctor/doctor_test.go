package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// healthy are probes of a machine on which everything is well.
func healthy() (Probes, *Engine, *State) {
	e := &Engine{Host: "unix:///var/run/docker.sock", Local: true, Version: "20.10.24+dfsg1", API: "1.41", OSType: "linux",
		StorageDriver: "overlay2", RootDir: "/var/lib/docker", Cgroup: 2, Seccomp: true, Runc: "1.3.3", RuncMended: true, Time: now, Asked: now}
	s := &State{Dir: "/state", Backend: "file:///state/pulumi", KeyFile: "/state/key",
		TryWrite:   func() error { return nil },
		KeyMode:    func() (uint32, bool, error) { return 0o600, true, nil },
		TryBackend: func(context.Context) error { return nil },
		Operations: func(context.Context) ([]Operation, error) { return nil, nil }}
	return Probes{
		Engine:     func(context.Context) (Engine, error) { return *e, nil },
		Space:      func(string) (int64, int64, error) { return 50 << 30, 100 << 30, nil },
		State:      s,
		Definition: func() (string, error) { return "envctl.yaml", nil },
		Now:        func() time.Time { return now },
	}, e, s
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	p, _, _ := healthy()
	findings := Run(t.Context(), p)
	if len(findings) != 14 {
		t.Errorf("%d findings", len(findings))
	}
	for _, f := range findings {
		if f.State != output.FindingOK || f.Fix != "" || f.Detail == "" {
			t.Errorf("%+v", f)
		}
	}
}

// Each thing that can be wrong must be found by its check, and only by that, and
// say what mends it.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check string // group/name
		state string
		part  string // of detail or fix
		fault func(p *Probes, e *Engine, s *State)
	}{
		"windows":     {"docker/engine", "failed", "Linux containers", func(_ *Probes, e *Engine, _ *State) { e.OSType = "windows" }},
		"old":         {"docker/version", "failed", "20.10", func(_ *Probes, e *Engine, _ *State) { e.Version = "19.3.15" }},
		"older":       {"docker/version", "failed", "20.10", func(_ *Probes, e *Engine, _ *State) { e.Version = "20.9.1" }},
		"vfs":         {"docker/storage", "warning", "overlay2", func(_ *Probes, e *Engine, _ *State) { e.StorageDriver = "vfs" }},
		"limits":      {"docker/cgroup", "warning", "swap, pids", func(_ *Probes, e *Engine, _ *State) { e.Missing = []string{"swap", "pids"} }},
		"seccomp":     {"docker/seccomp", "warning", "seccomp-profile", func(_ *Probes, e *Engine, _ *State) { e.Seccomp = false }},
		"holes":       {"docker/runc", "warning", "1.3.3 or newer", func(_ *Probes, e *Engine, _ *State) { e.Runc, e.RuncMended = "1.2.7", false }},
		"no runc":     {"docker/runc", "skipped", "not tell", func(_ *Probes, e *Engine, _ *State) { e.Runc, e.RuncMended = "", false }},
		"clock ahead": {"docker/clock", "warning", "1m0s", func(_ *Probes, e *Engine, _ *State) { e.Time = now.Add(time.Minute) }},
		"clock back":  {"docker/clock", "warning", "-1m0s", func(_ *Probes, e *Engine, _ *State) { e.Time = now.Add(-time.Minute) }},
		"no clock":    {"docker/clock", "skipped", "not tell", func(_ *Probes, e *Engine, _ *State) { e.Time = time.Time{} }},
		"tight":       {"docker/disk", "warning", "3.0 GiB", func(p *Probes, _ *Engine, _ *State) { p.Space = space3(3 << 30) }},
		"full":        {"docker/disk", "failed", "docker system df", func(p *Probes, _ *Engine, _ *State) { p.Space = space3(1) }},
		"remote":      {"docker/disk", "skipped", "not on this machine", func(_ *Probes, e *Engine, _ *State) { e.Local = false }},
		"hidden": {"docker/disk", "skipped", "/var/lib/docker", func(p *Probes, _ *Engine, _ *State) {
			p.Space = func(string) (int64, int64, error) { return 0, 0, errors.New("no") }
		}},
		"key open": {"state/key", "failed", "chmod 600 /state/key", func(_ *Probes, _ *Engine, s *State) { s.KeyMode = mode(0o640, true, nil) }},
		"key lost": {"state/key", "failed", "chown", func(_ *Probes, _ *Engine, s *State) { s.KeyMode = mode(0, false, errors.New("denied")) }},
		"backend": {"state/backend", "failed", "ENVCTL_BACKEND_URL", func(_ *Probes, _ *Engine, s *State) {
			s.TryBackend = func(context.Context) error { return errors.New("no") }
		}},
		"killed": {"state/operations", "warning", "up of a.default.local", func(_ *Probes, _ *Engine, s *State) { s.Operations = ops(Operation{"a.default.local", "up", now, ""}) }},
		"records": {"state/operations", "warning", "damaged", func(_ *Probes, _ *Engine, s *State) {
			s.Operations = func(context.Context) ([]Operation, error) { return nil, errors.New("damaged") }
		}},
		"definition": {"definition/file", "failed", "envctl check", func(p *Probes, _ *Engine, _ *State) {
			p.Definition = func() (string, error) { return "", errors.New("line one\nline two") }
		}},
		"no definition": {"definition/file", "skipped", "none", func(p *Probes, _ *Engine, _ *State) {
			p.Definition = func() (string, error) { return "", nil }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, e, s := healthy()
			c.fault(&p, e, s)
			found := false
			for _, f := range Run(t.Context(), p) {
				switch {
				case f.Group+"/"+f.Name != c.check:
					if f.State != output.FindingOK {
						t.Errorf("found as well: %+v", f)
					}
				case f.State != c.state || !strings.Contains(f.Detail+f.Fix, c.part) || (f.State == "failed") && f.Fix == "" || strings.Contains(f.Detail, "\n"):
					t.Errorf("%+v", f)
				default:
					found = true
				}
			}
			if !found {
				t.Error("not found")
			}
		})
	}
}

func space3(free int64) func(string) (int64, int64, error) {
	return func(string) (int64, int64, error) { return free, 100 << 30, nil }
}

func mode(m uint32, there bool, err error) func() (uint32, bool, error) {
	return func() (uint32, bool, error) { return m, there, err }
}

func ops(o Operation) func(context.Context) ([]Operation, error) {
	return func(context.Context) ([]Operation, error) { return []Operation{o}, nil }
}

// What depends on something that failed must not be told about as well.
func TestConsequencesAreLeftOut(t *testing.T) {
	t.Parallel()
	p, _, s := healthy()
	p.Engine = func(context.Context) (Engine, error) { return Engine{}, errors.New("no engine") }
	p.Explain = func(err error) (string, string) { return err.Error(), "start it" }
	s.TryWrite = func() error { return errors.New("read-only") }
	var got []string
	for _, f := range Run(t.Context(), p) {
		got = append(got, f.Group+"/"+f.Name+" "+f.State+" "+f.Fix)
	}
	if len(got) != 3 || got[0] != "docker/engine failed start it" || !strings.HasPrefix(got[1], "state/folder failed ") || got[2] != "definition/file ok " {
		t.Errorf("%q", got)
	}
}

// advised is an error that says what mends it.
type advised struct{}

func (advised) Error() string { return "its mode is 0777" }
func (advised) Hint() string  { return "chmod 0700 /state" }

// An error that knows its mend must be told with it, and not with a guess.
func TestFixOfTheErrorItself(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(s *State){
		"folder":     func(s *State) { s.TryWrite = func() error { return fmt.Errorf("no: %w", advised{}) } },
		"operations": func(s *State) { s.Operations = func(context.Context) ([]Operation, error) { return nil, advised{} } },
	} {
		p, _, s := healthy()
		breakIt(s)
		i := slices.IndexFunc(Run(t.Context(), p), func(f output.Finding) bool { return f.Name == name })
		if f := Run(t.Context(), p)[i]; f.Fix != "chmod 0700 /state" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// An operation that runs, a key that is given and a key that is not needed yet are
// no faults.
func TestNoFaults(t *testing.T) {
	t.Parallel()
	p, _, s := healthy()
	s.Operations = ops(Operation{"a.default.local", "up", now.Add(-time.Minute), "ann"})
	s.KeyMode = mode(0, false, nil)
	for _, f := range Run(t.Context(), p) {
		if f.State != output.FindingOK {
			t.Errorf("%+v", f)
		}
	}
	s.KeyFile, s.KeyMode = "", nil
	Run(t.Context(), p)
}

// An engine that hangs must not hang doctor: it is asked with a deadline.
func TestEngineIsAskedWithADeadline(t *testing.T) {
	t.Parallel()
	p, _, _ := healthy()
	p.Engine = func(ctx context.Context) (Engine, error) {
		if d, ok := ctx.Deadline(); !ok || time.Until(d) > engineTimeout {
			t.Errorf("deadline %v, %v", d, ok)
		}
		return Engine{}, context.DeadlineExceeded
	}
	if f := Run(t.Context(), p)[0]; f.State != output.FindingFailed {
		t.Errorf("%+v", f)
	}
}
