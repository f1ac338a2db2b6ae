package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

func newCheck(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "check",
		Short: "check the definition; touch nothing",
		Long: `Read the definition, and tell every problem at once: what is wrong in the file, what the
target cannot honour, and which policies it breaks. No engine and no credentials are
needed. Exit status 2: the definition is wrong; 3: a policy refuses it.

With --target azure, where somebody is logged in, Azure is asked too for what it would
refuse: the region, quotas, models and their versions, names and permissions.`,
		Example: `  envctl check
  envctl check -f experiments/a.yaml -o json | jq '.problems[]'`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runCheck(ctx, p) }),
	}, "file", "name", "target", "output", "simulate", "record")
}

func runCheck(ctx context.Context, p *program) (output.Document, error) {
	source, err := p.source()
	if err != nil {
		return nil, err
	}
	report := output.NewCheck(source.shown, p.flags.target)
	d, err := source.read(p.env.Lookup)
	if err != nil {
		return invalid(report, err), err
	}
	report.Kind, report.Experiment = string(d.Kind), d.Name
	report.Apps, report.Jobs, report.Models, report.Secrets = len(d.Apps), len(d.Jobs), len(d.Models), len(d.Secrets)
	if unsupported := p.env.Services.Unsupported(p.flags.target, d); len(unsupported) > 0 {
		for i := range unsupported {
			unsupported[i].File = source.shown
		}
		err := definition.Problems(unsupported)
		return invalid(report, err), err
	}
	if p.flags.target == targetAzure {
		if err := p.askAzure(ctx, &report, d); err != nil {
			return invalid(report, err), err
		}
	}
	return applyPolicies(report, d)
}

// azureTime bounds what a check asks of Azure.
const azureTime = time.Minute

// askAzure looks for what Azure would refuse, where somebody is logged in; where
// nobody is, a note says that it was not asked.
func (p *program) askAzure(ctx context.Context, report *output.Check, d *definition.Definition) error {
	ctx, cancel := context.WithTimeout(ctx, azureTime)
	defer cancel()
	findings, err := p.preflight(ctx, p.settings(d), d)
	if f := failureAt(err); f != nil {
		return definition.Problems{{File: report.File, Path: f.Path, Message: f.Message, Hint: f.Hint}}
	}
	if err != nil {
		report.Notes = append(report.Notes, output.Problem{Path: "targets.azure",
			Message: "Azure was not asked for region, quota, models and names: " + describe(err, false).Message,
			Hint:    "envctl doctor -t azure says what is missing; --simulate asks the simulator"})
		return nil
	}
	var problems definition.Problems
	for _, f := range findings {
		switch f.State {
		case output.FindingFailed:
			problems = append(problems, definition.Problem{File: report.File, Path: f.Path, Message: f.Detail, Hint: f.Fix})
		case output.FindingWarning:
			report.Warnings = append(report.Warnings, f.Detail)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// failureAt is an error that names its place in the definition; nil: it is another,
// or none.
func failureAt(err error) *output.Failure {
	var at placed
	if !errors.As(err, &at) {
		return nil
	}
	return describe(err, false)
}

// invalid puts the problems of a definition into the report.
func invalid(report output.Check, err error) output.Document {
	report.Result = output.CheckInvalid
	if f := describe(err, false); len(f.Problems) > 0 {
		report.Problems = f.Problems
		return report
	}
	return nil // it could not even be read: the error says it
}
