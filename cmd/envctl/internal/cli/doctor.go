package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

func newDoctor(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "doctor",
		Short: "look for what keeps envctl from working; say how to mend it",
		Long: `Check the Docker engine (reachable, version, storage, limits, clock, disk), the state
(folder, key, backend, operations) and the definition here, and say how to mend each
thing. It mends nothing itself. Exit status 1: something keeps envctl from working.`,
		Example: `  envctl doctor
  envctl doctor -o json | jq '.checks[] | select(.state != "ok")'`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runDoctor(ctx, p) }),
	}, "file", "output")
}

func runDoctor(ctx context.Context, p *program) (output.Document, error) {
	settings := p.settings(nil)
	s, err := p.source()
	found := err == nil
	if d, broken := s.readWithoutVariables(p.env.Lookup); found && broken == nil {
		settings = p.settings(d)
	}
	probes := p.env.Services.Probes(settings)
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
