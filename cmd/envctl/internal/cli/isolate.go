package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local/containment"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/isolation/runsc"
)

// fixable are the checks that doctor mends itself.
var fixable = []string{"isolation"}

// Sandboxes prove what separates workloads from the machine, and strengthen it.
type Sandboxes interface {
	// Contain runs the containment suite under each level of isolation that the
	// engine has, or under one, and tells each result as it comes.
	Contain(ctx context.Context, level string, tell func(string)) ([]output.ContainmentReport, error)
	// Isolate registers gVisor with the engine. It asks before it changes anything.
	Isolate(ctx context.Context, ask func(question string) error) (output.Isolated, error)
}

// realSandboxes are those of an engine.
type realSandboxes struct {
	engine *docker.Engine
	getenv func(string) string
}

func newSandboxes(ctx context.Context, s Settings) (Sandboxes, error) {
	engine, err := docker.Connect(ctx, s.Host, s.Getenv)
	if err != nil {
		return nil, err
	}
	s.AtEnd(engine.Close)
	return realSandboxes{engine, s.Getenv}, nil
}

func (r realSandboxes) runtimes(ctx context.Context) (isolation.Engine, error) {
	info, err := r.engine.Info(ctx)
	return isolation.Engine{Runtimes: info.Runtimes, Default: info.DefaultRuntime}, err
}

func (r realSandboxes) local() bool { return strings.HasPrefix(r.engine.Host(), "unix://") }

// Contain implements [Sandboxes].
func (r realSandboxes) Contain(ctx context.Context, level string, tell func(string)) ([]output.ContainmentReport, error) {
	has, err := r.runtimes(ctx)
	if err != nil {
		return nil, err
	}
	levels := []string{isolation.Container, isolation.GVisor, isolation.VM}
	if level != "" {
		levels = []string{level}
	}
	var all []output.ContainmentReport
	for _, l := range levels {
		choice, err := isolation.Choose(l, has, false)
		if err != nil && level == "" {
			continue // not registered, so nothing is run under it
		}
		if err != nil {
			return nil, err
		}
		tell("trying to get out of a sandbox: " + l)
		report, err := containment.Run(ctx, containment.Options{Engine: r.engine, Runtime: choice.Runtime, Local: r.local()})
		if err != nil {
			return all, err
		}
		all = append(all, reportOf(report))
	}
	return all, nil
}

func reportOf(r containment.Report) output.ContainmentReport {
	out := output.ContainmentReport{Isolation: r.Isolation, Runtime: r.Runtime, Outside: r.Canary, Seconds: r.Seconds}
	for _, row := range r.Results {
		out.Rows = append(out.Rows, output.ContainmentRow{
			Group: row.Group, Name: row.Name, Tries: row.Tries, Outcome: row.Outcome, Detail: row.Detail,
			Counterpart: row.Counterpart, Fix: row.Fix,
		})
	}
	return out
}

// Isolate implements [Sandboxes].
func (r realSandboxes) Isolate(ctx context.Context, ask func(string) error) (output.Isolated, error) {
	has, err := r.runtimes(ctx)
	if err != nil {
		return output.Isolated{}, err
	}
	out := output.Isolated{Result: "unchanged"}
	if choice, err := isolation.Choose(isolation.GVisor, has, false); err == nil {
		out.Runtime = choice.Runtime
		if out.Runtime == "" {
			out.Runtime = has.Default
		}
	} else if out, err = r.register(ctx, ask); err != nil {
		return out, err
	}
	out.Kernel, err = containment.Prove(ctx, r.engine, out.Runtime)
	return out, err
}

// register finds or builds a runsc and gives it to the engine.
func (r realSandboxes) register(ctx context.Context, ask func(string) error) (output.Isolated, error) {
	var out output.Isolated
	daemon, err := runsc.FindDaemon(ctx, r.engine.Host())
	switch {
	case err != nil:
		return out, byHand(err.Error(), runsc.ConfigFile)
	case os.Geteuid() != 0:
		return out, byHand("it takes root", daemon.Config)
	}
	beside := ""
	if self, err := os.Executable(); err == nil {
		beside = filepath.Dir(self)
	}
	program, err := runsc.Find(beside, r.getenv("PATH"))
	how := "install " + program + " as " + runsc.Path
	if errors.Is(err, runsc.ErrNone) {
		if _, err := exec.LookPath("go"); err != nil {
			return out, byHand("there is no runsc on this machine, and no Go to build it with", daemon.Config)
		}
		how = fmt.Sprintf("build %s at %s with Go, which takes a minute or two, and install it as %s", runsc.Module, runsc.Version, runsc.Path)
	}
	if err := ask(fmt.Sprintf("%s, add it to the runtimes in %s and have the engine at %s look at it? Nothing is restarted.",
		strings.ToUpper(how[:1])+how[1:], daemon.Config, r.engine.Host())); err != nil {
		return out, err
	}
	if program == "" {
		dir, err := os.MkdirTemp("", "envctl-runsc-")
		if err != nil {
			return out, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if program, err = runsc.Build(ctx, dir); err != nil {
			return out, err
		}
	}
	if err := runsc.Install(program); err != nil {
		return out, err
	}
	err = runsc.Register(ctx, daemon, runsc.Path, func(ctx context.Context) ([]string, error) {
		has, err := r.runtimes(ctx)
		return has.Runtimes, err
	})
	return output.Isolated{Result: "registered", Runtime: runsc.Name, Program: runsc.Path, Config: daemon.Config,
		Undo: []string{"take runsc out of runtimes in " + daemon.Config, fmt.Sprintf("kill -HUP %d", daemon.PID), "rm " + runsc.Path}}, err
}

// byHand says what a person has to do where envctl cannot.
func byHand(why, config string) error {
	return &problem{code: "isolation", message: "gVisor cannot be registered with the engine from here: " + why,
		hint: "on the engine's machine: " + strings.Join(runsc.Steps(config), "; ")}
}

// checkFix refuses what doctor cannot mend.
func checkFix(name string) error {
	if slices.Contains(fixable, name) {
		return nil
	}
	return usage("it mends: "+strings.Join(fixable, ", "), "--fix %q: doctor does not mend that by itself", name)
}
