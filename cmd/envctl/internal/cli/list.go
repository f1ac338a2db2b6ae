package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
)

type listOptions struct{ target, instance, experiment string }

func newList(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list all experiments, with age and time left",
		Long: `List every instance of every experiment in the state, with its target, state, age,
time left and what it has cost. --target, --name and --experiment narrow the list;
--simulate lists those of the Azure simulator, which are kept apart.`,
		Example: `  envctl list
  envctl list -n pr-123 -o json | jq -r '.experiments[].experiment'`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			var o listOptions
			for name, to := range map[string]*string{"target": &o.target, "name": &o.instance, "experiment": &o.experiment} {
				if f := cmd.Flags().Lookup(name); f.Changed {
					*to = f.Value.String()
				}
			}
			return p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runList(ctx, p, o) })(cmd, args)
		},
	}, "name", "target", "experiment", "output", "simulate", "record")
}

func runList(ctx context.Context, p *program, o listOptions) (output.Document, error) {
	all, err := p.everywhere(ctx, o.target)
	if err != nil && len(all) == 0 {
		return nil, err
	}
	return output.NewList(slices.DeleteFunc(all, func(s stacks.Summary) bool {
		return o.target != "" && s.Target != o.target || o.instance != "" && s.Instance != o.instance ||
			o.experiment != "" && s.Experiment != o.experiment
	})), err
}
