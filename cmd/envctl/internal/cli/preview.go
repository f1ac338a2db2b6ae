package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

type previewOptions struct{ exitCode bool }

func newPreview(p *program) *cobra.Command {
	var o previewOptions
	cmd := uses(&cobra.Command{
		Use:   "preview",
		Short: "show what up would do",
		Long: `Show what up would do, resource by resource, with the properties that differ, and
change nothing. + is create, ~ update, ± replace, - delete.`,
		Example: `  envctl preview
  envctl preview --exit-code -o json   # exit status 4 when there are changes`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runPreview(ctx, p, o) }),
	}, "file", "name", "target", "output", "ttl", "simulate", "record")
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 4 when there are changes")
	return cmd
}

func runPreview(ctx context.Context, p *program, o previewOptions) (output.Document, error) {
	request, ops, err := p.operation(ctx)
	if err != nil {
		return nil, err
	}
	result, err := ops.Preview(ctx, request)
	if err == nil && o.exitCode && result.Changes != nil && result.Changes.Any() {
		err = exitWith(statusChanges)
	}
	return operationDocument(result), err
}
