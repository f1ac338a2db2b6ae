package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

type downOptions struct{ keepData bool }

func newDown(p *program) *cobra.Command {
	var o downOptions
	cmd := uses(&cobra.Command{
		Use:   "down",
		Short: "remove everything of an experiment",
		Long: `Remove everything of one instance of an experiment: containers, networks, volumes and
the images that were built for it; on Azure its resource group and what would outlive
that. What is not there is no error.`,
		Example: `  envctl down
  envctl down -n pr-123
  envctl down -e csv-insights       # without the definition, by the experiment's name`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runDown(ctx, p, o) }),
	}, "file", "name", "target", "experiment", "output", "simulate", "record")
	cmd.Flags().BoolVar(&o.keepData, "keep-data", false, "leave volumes and images, so that the next up builds and pulls nothing")
	return cmd
}

func runDown(ctx context.Context, p *program, o downOptions) (output.Document, error) {
	named, err := p.named()
	if err != nil {
		return nil, err
	}
	if err := checkKind(named.definition, definition.KindExperiment); err != nil {
		return nil, err
	}
	return p.takeDown(ctx, named, o)
}

// takeDown is down of an experiment or a platform.
func (p *program) takeDown(ctx context.Context, named named, o downOptions) (output.Document, error) {
	if err := p.checkConfirm("envctl down"); err != nil {
		return nil, err
	}
	question := fmt.Sprintf("Destroy everything of %s (instance %s) on Azure?", named.ref.Experiment, named.ref.Instance)
	if err := p.confirm(ctx, question); err != nil {
		return nil, err
	}
	ops, err := p.env.Services.Operations(ctx, named.settings)
	if err != nil {
		return nil, err
	}
	result, err := ops.Down(ctx, Request{Ref: named.ref,
		KeepData: o.keepData, Yes: p.flags.yes, OnEvent: p.printer.Event})
	return operationDocument(result), err
}
