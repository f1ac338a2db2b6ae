package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

func newStatus(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "status",
		Short: "show the health of an experiment, and its drift",
		Long: `Show what the target reports of each app now, and what differs from how it was set up:
containers that were stopped, removed or changed by hand, limits that are not in force; on
Azure also revisions, replicas and provisioning errors, in words.`,
		Example: `  envctl status
  envctl status -e csv-insights -n pr-123 -o json`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runStatus(ctx, p) }),
	}, "file", "name", "target", "experiment", "output", "simulate", "record")
}

func runStatus(ctx context.Context, p *program) (output.Document, error) {
	named, err := p.named()
	if err != nil {
		return nil, err
	}
	return p.statusOf(ctx, named)
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
