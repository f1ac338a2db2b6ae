package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
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
	named, err := p.named()
	if err != nil {
		return nil, err
	}
	views, err := p.env.Services.Views(ctx, named.settings)
	if err != nil {
		return nil, err
	}
	outputs, there, err := views.Outputs(ctx, named.ref)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, notUp(named.ref)
	}
	all := output.NewOutputs(named.ref, outputs)
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
