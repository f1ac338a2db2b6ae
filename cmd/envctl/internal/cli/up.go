package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

func newUp(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "up",
		Short: "build, create or update; print the addresses",
		Long: `Make the sandbox what the definition says: build images, create, update or replace
what differs, wait until it is healthy, and print where it answers. Run it as often
as you like: what is right already is left alone.`,
		Example: `  envctl up
  envctl up -n pr-123 --ttl 4h      # a second instance that expires
  envctl up -o json | jq -r .outputs.apps.api.url`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runUp(ctx, p) }),
	}, "file", "name", "target", "output", "ttl")
}

func runUp(ctx context.Context, p *program) (output.Document, error) {
	request, ops, err := p.operation(ctx)
	if err != nil {
		return nil, err
	}
	result, err := ops.Up(ctx, request)
	return operationDocument(result), err
}
