package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/parity"
)

func newParity(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "parity",
		Short: "compare what the definition becomes locally and on Azure",
		Long: `Print what each component of the definition is locally and on Azure, and every difference
that remains between the two. It reads the definition and nothing else.`,
		Example: `  envctl parity
  envctl parity -o json | jq -r '.components[] | .component + ": " + .differences[]'`,
		Args: exactly(),
		RunE: p.runs(func(context.Context, []string) (output.Document, error) { return runParity(p) }),
	}, "file", "output")
}

func runParity(p *program) (output.Document, error) {
	source, err := p.source()
	if err != nil {
		return nil, err
	}
	d, err := source.read(p.env.Lookup)
	if err != nil {
		return nil, err
	}
	var rows []output.ParityRow
	for _, r := range parity.Of(d) {
		rows = append(rows, output.ParityRow{Component: r.Component, Local: r.Local, Azure: r.Azure, Differences: r.Differences})
	}
	return output.NewParity(d.Name, rows), nil
}
