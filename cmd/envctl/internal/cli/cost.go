package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
)

type costOptions struct{ actual bool }

func newCost(p *program) *cobra.Command {
	var o costOptions
	cmd := uses(&cobra.Command{
		Use:   "cost --actual",
		Short: "show what the models of an experiment cost",
		Long: `Show the tokens and the cost of each model of an experiment in this calendar month (UTC),
against its budget: all its instances together, and what came before a down too. An estimate
of what an experiment will cost is not in this version, nor is what was spent on Azure.`,
		Example: `  envctl cost --actual
  envctl cost --actual -o json | jq .actual.spent`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runCost(ctx, p, o) }),
	}, "file", "name", "target", "experiment", "output", "simulate", "record")
	cmd.Flags().BoolVar(&o.actual, "actual", false, "what was spent, and not an estimate")
	return cmd
}

func runCost(ctx context.Context, p *program, o costOptions) (output.Document, error) {
	if !o.actual {
		return nil, usage("envctl cost --actual shows what was spent", "an estimate is not in this version")
	}
	named, err := p.named()
	if err != nil {
		return nil, err
	}
	meter, err := p.env.Services.Meter(ctx, named.settings)
	if err != nil {
		return nil, err
	}
	spend, err := meter.Spend(ctx, named.ref)
	if err != nil {
		return nil, err
	}
	return output.NewCost(named.ref, withBudget(spend, named.definition)), nil
}

// withBudget completes the spend of an experiment that was never up, which has no
// currency, by the budget that its definition gives it.
func withBudget(s stacks.Spend, d *definition.Definition) stacks.Spend {
	if s.Currency != "" || d == nil || d.Budget == nil {
		return s
	}
	s.Budget, s.Currency, s.Stop = d.Budget.Amount, d.Budget.Currency, d.Budget.OnExceeded == definition.OnExceededStop
	return s
}
