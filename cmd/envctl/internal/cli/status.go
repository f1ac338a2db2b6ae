package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
)

type statusOptions struct{ identity bool }

func newStatus(p *program) *cobra.Command {
	var o statusOptions
	cmd := uses(&cobra.Command{
		Use:   "status",
		Short: "show the health of an experiment, and its drift",
		Long: `Show what the target reports of each app now, and what differs from how it was set up:
containers that were stopped, removed or changed by hand, limits that are not in force; on
Azure also revisions, replicas and provisioning errors, in words. Where it has models, also
tokens and cost of this month against the budget. An experiment that is not up is absent,
which is an answer and no error (exit status 0).

With --identity also which tokens the code of each app asked for, beside the roles that it was
given: a role that was never used need not be given.`,
		Example: `  envctl status
  envctl status --identity
  envctl status -e csv-insights -n pr-123 -o json`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runStatus(ctx, p, o) }),
	}, "file", "name", "target", "experiment", "output", "simulate", "record")
	cmd.Flags().BoolVar(&o.identity, "identity", false, "which roles the code of each app really used")
	return cmd
}

func runStatus(ctx context.Context, p *program, o statusOptions) (output.Document, error) {
	named, err := p.named()
	if err != nil {
		return nil, err
	}
	if !o.identity {
		return p.statusOf(ctx, named)
	}
	views, err := p.env.Services.Views(ctx, named.settings)
	if err != nil {
		return nil, err
	}
	result, err := views.Status(ctx, named.ref)
	if err != nil || result.Result == stacks.Absent {
		return operationDocument(result), err
	}
	meter, err := p.env.Services.Meter(ctx, named.settings)
	if err == nil {
		result.Identity, err = meter.Identity(ctx, named.ref)
	}
	return operationDocument(result), err
}

// statusOf is status of an experiment or a platform.
func (p *program) statusOf(ctx context.Context, named named) (output.Document, error) {
	views, err := p.env.Services.Views(ctx, named.settings)
	if err != nil {
		return nil, err
	}
	result, err := views.Status(ctx, named.ref)
	return operationDocument(result), err
}
