package cli

import (
	"context"

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
needed. Exit status 2: the definition is wrong; 3: a policy refuses it.`,
		Example: `  envctl check
  envctl check -f experiments/a.yaml -o json | jq '.problems[]'`,
		Args: exactly(),
		RunE: p.runs(func(context.Context, []string) (output.Document, error) { return runCheck(p) }),
	}, "file", "name", "target", "output", "simulate", "record")
}

func runCheck(p *program) (output.Document, error) {
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
	return applyPolicies(report, d)
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
