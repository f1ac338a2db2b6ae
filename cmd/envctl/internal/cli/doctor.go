package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/isolation"
)

type doctorOptions struct {
	containment bool
	isolation   string
	fix         string
}

func newDoctor(p *program) *cobra.Command {
	var o doctorOptions
	cmd := uses(&cobra.Command{
		Use:   "doctor",
		Short: "look for what keeps envctl from working; say how to mend it",
		Long: `Check the Docker engine (reachable, version, storage, limits, clock, disk), the state
(folder, key, backend, operations) and the definition here, and say how to mend each
thing. Exit status 1: something keeps envctl from working.

With --containment, run a hostile program in sandboxes on this engine, under every
isolation that it has, and say of each attempt to get out whether it was blocked; a row
is exposed where it reaches a part of the kernel without need. It takes half a minute
for each, and removes what it made. Exit status 1: something got out.

With --fix isolation, register gVisor (runsc) with the engine, built from its Go module
where it is not there, and prove it. It asks first, and needs root on the engine's machine.

With --target azure also the login, the subscription, resource providers, quotas and
models of the region, names, soft-deleted leftovers and permissions.`,
		Example: `  envctl doctor
  envctl doctor --containment
  envctl doctor --fix isolation
  envctl doctor -t azure
  envctl doctor -o json | jq '.checks[] | select(.state != "ok")'`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return o.run(ctx, p) }),
	}, "file", "name", "target", "output", "simulate", "record")
	cmd.Flags().BoolVar(&o.containment, "containment", false, "try to get out of sandboxes on this engine")
	cmd.Flags().StringVar(&o.isolation, "isolation", "", "with --containment: only under this `LEVEL`: container, gvisor or vm")
	cmd.Flags().StringVar(&o.fix, "fix", "", "mend a `CHECK`: isolation")
	return cmd
}

func (o doctorOptions) run(ctx context.Context, p *program) (output.Document, error) {
	switch {
	case o.fix != "" && o.containment:
		return nil, usage("give one of them", "--fix and --containment are two different things to do")
	case o.isolation != "" && !o.containment:
		return nil, usage("envctl doctor --containment --isolation "+o.isolation, "--isolation %q has no meaning without --containment", o.isolation)
	case o.fix != "":
		return runFix(ctx, p, o.fix)
	case o.containment:
		return runContainment(ctx, p, o.isolation)
	}
	return runDoctor(ctx, p)
}

// sandboxes are those of the engine that the definition here names.
func (p *program) sandboxes(ctx context.Context) (Sandboxes, error) {
	var d *definition.Definition
	if s, err := p.source(); err == nil {
		if read, broken := s.readWithoutVariables(p.env.Lookup, p.flags.target); broken == nil {
			d = read
		}
	}
	return p.env.Services.Sandboxes(ctx, p.settings(d))
}

func runContainment(ctx context.Context, p *program, level string) (output.Document, error) {
	if level != "" && !slices.Contains([]string{isolation.Container, isolation.GVisor, isolation.VM}, level) {
		return nil, usage("a level is container, gvisor or vm", "--isolation %q is no level of isolation", level)
	}
	sandboxes, err := p.sandboxes(ctx)
	if err != nil {
		return nil, err
	}
	reports, err := sandboxes.Contain(ctx, level, p.printer.Notice)
	if err != nil {
		return nil, err
	}
	result := output.NewContainment(reports)
	if result.Result == output.Escaped {
		return result, exitWith(statusFailed)
	}
	return result, nil
}

func runFix(ctx context.Context, p *program, name string) (output.Document, error) {
	if err := checkFix(name); err != nil {
		return nil, err
	}
	sandboxes, err := p.sandboxes(ctx)
	if err != nil {
		return nil, err
	}
	done, err := sandboxes.Isolate(ctx, func(question string) error {
		switch {
		case p.flags.yes:
			return nil
		case !p.canAsk():
			return &problem{code: "confirm", status: statusUsage, path: "--yes",
				message: "a change of the engine's configuration needs to be confirmed, and there is no terminal to ask on", hint: "--yes confirms it"}
		}
		return p.ask(ctx, question)
	})
	if err != nil {
		return nil, err
	}
	return output.NewIsolated(done), nil
}

func runDoctor(ctx context.Context, p *program) (output.Document, error) {
	var settings Settings
	s, err := p.source()
	found := err == nil
	d, broken := s.readWithoutVariables(p.env.Lookup, p.flags.target)
	if !found || broken != nil {
		d = nil
	}
	settings = p.settings(d)
	probes := p.env.Services.Probes(settings)
	if settings.Target == targetAzure {
		probes.Cloud = func(ctx context.Context) ([]output.Finding, error) { return p.preflight(ctx, settings, d) }
	}
	probes.Now = p.env.Clock.Now
	probes.Explain = func(err error) (string, string) {
		f := describe(err, false)
		return strings.TrimSuffix(f.Message+": "+f.Reason, ": "), f.Hint
	}
	probes.Definition = func() (string, error) {
		switch {
		case errors.Is(err, errNoDefinition):
			return "", nil
		case err != nil:
			return "", err
		}
		_, broken := s.read(p.env.Lookup)
		return s.shown, broken
	}
	checkup := output.NewCheckup(doctor.Run(ctx, probes))
	if checkup.Result == output.FindingFailed {
		return checkup, exitWith(statusFailed)
	}
	return checkup, nil
}

// preflight asks Azure what it would refuse.
func (p *program) preflight(ctx context.Context, s Settings, d *definition.Definition) ([]output.Finding, error) {
	c, err := p.env.Services.Cloud(ctx, s)
	if err != nil {
		return nil, err
	}
	return c.Preflight(ctx, d, s.Ref)
}
