package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

func newDoctor(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "doctor",
		Short: "look for what keeps envctl from working; say how to mend it",
		Long: `Check the Docker engine (reachable, version, storage, limits, clock, disk), the state
(folder, key, backend, operations) and the definition here, and say how to mend each
thing. It mends nothing itself. Exit status 1: something keeps envctl from working.

With --target azure also the login, the subscription, resource providers, quotas and
models of the region, names, soft-deleted leftovers and permissions.`,
		Example: `  envctl doctor
  envctl doctor -t azure
  envctl doctor -o json | jq '.checks[] | select(.state != "ok")'`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runDoctor(ctx, p) }),
	}, "file", "name", "target", "output", "simulate", "record")
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
