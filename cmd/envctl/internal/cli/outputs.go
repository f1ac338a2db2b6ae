package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
)

func newOutputs(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "outputs [KEY]",
		Short: "print the outputs, or one",
		Long: `Print the outputs of the last up as KEY=VALUE, or the bare value of one. The keys are
the same on every target. An app's name alone stands for its address.`,
		Example: `  envctl outputs
  curl "$(envctl outputs api)/healthz"
  envctl outputs apps.api.image`,
		Args: between(0, 1, "KEY"),
		RunE: p.runs(func(ctx context.Context, args []string) (output.Document, error) { return runOutputs(ctx, p, args) }),
	}, "file", "name", "target", "experiment", "output", "simulate", "record")
}

func runOutputs(ctx context.Context, p *program, args []string) (output.Document, error) {
	ref, outputs, err := p.outputs(ctx)
	if err != nil {
		return nil, err
	}
	all := output.NewOutputs(ref, outputs)
	if len(args) == 0 {
		return all, nil
	}
	value, err := all.Find(args[0])
	if err != nil {
		return nil, &problem{code: "no-such-output", message: fmt.Sprint(err), path: args[0], status: statusUsage,
			hint: "envctl outputs lists them with their values"}
	}
	return value, nil
}

// outputs are those of the instance that the flags name; one that is not up is an error.
func (p *program) outputs(ctx context.Context) (stacks.Ref, stacks.Outputs, error) {
	named, err := p.named()
	if err != nil {
		return stacks.Ref{}, stacks.Outputs{}, err
	}
	views, err := p.env.Services.Views(ctx, named.settings)
	if err != nil {
		return stacks.Ref{}, stacks.Outputs{}, err
	}
	outputs, there, err := views.Outputs(ctx, named.ref)
	if err == nil && !there {
		err = notUp(named.ref)
	}
	return named.ref, outputs, err
}
