package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

func newPromote(p *program) *cobra.Command {
	to := ""
	cmd := uses(&cobra.Command{
		Use:   "promote --to azure",
		Short: "deploy to Azure the very images that run locally",
		Long: `Deploy to Azure what runs locally now, by the same digests. It is refused where the
experiment is not up here, is not healthy, was changed since, or where anything but
addresses would differ. What it takes over, the difference, and who did it stay as a
receipt in the state and beside each image in the registry.`,
		Example: `  envctl up && envctl promote --to azure
  envctl promote --to azure --simulate`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runPromote(ctx, p, to) }),
	}, "file", "name", "output", "ttl", "simulate", "record")
	cmd.Annotations[alwaysAzure] = "yes"
	cmd.Flags().StringVar(&to, "to", "", "the `TARGET` to promote to: azure")
	return cmd
}

func runPromote(ctx context.Context, p *program, to string) (output.Document, error) {
	if to != targetAzure {
		problem := usage("envctl promote --to azure", "--to %q is no target to promote to", to)
		problem.path = "--to"
		return nil, problem
	}
	request, settings, err := p.request()
	if err != nil {
		return nil, err
	}
	if err := checkKind(request.Definition, definition.KindExperiment); err != nil {
		return nil, err
	}
	if err := p.checkConfirm("envctl promote"); err != nil {
		return nil, err
	}
	place, err := p.env.Services.Cloud(ctx, settings)
	if err != nil {
		return nil, err
	}
	promotion, err := place.Promote(ctx, PromoteRequest{Request: request, Confirm: func(will Promotion) error {
		return p.confirm(ctx, promoteQuestion(will))
	}})
	if promotion.Result.Command == "" {
		return nil, err
	}
	return output.Promotion{Operation: output.NewOperation(promotion.Result), Images: promotion.Images,
		Differences: promotion.Differences, Receipt: promotion.Receipt, Referrers: promotion.Referrers}, err
}

// promoteQuestion shows what is taken over and what will differ.
func promoteQuestion(will Promotion) string {
	var b strings.Builder
	for _, w := range keys(will.Images) {
		fmt.Fprintf(&b, "= %s %s\n", w, will.Images[w])
	}
	for _, d := range will.Differences {
		fmt.Fprintf(&b, "~ %s\n", d)
	}
	return output.Clean(strings.ReplaceAll(b.String(), "\n", "; ")) +
		fmt.Sprintf("promote %s (instance %s) to Azure?", will.Result.Experiment, will.Result.Instance)
}
