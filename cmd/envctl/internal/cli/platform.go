package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

// newPlatform is `envctl platform up|down|status`.
func newPlatform(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "platform COMMAND",
		Short: "bring up or remove what experiments share on Azure",
		Long: `Operate a definition of kind Platform on Azure: the registry, the environment and the
models that experiments with ` + "`platform: NAME`" + ` stand on, so that each of them is up in
seconds.`,
		Example: `  envctl platform up -f platform.yaml
  envctl platform status -f platform.yaml
  envctl platform down -f platform.yaml`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddGroup(&cobra.Group{ID: groupWork, Title: "Commands:"})
	for _, c := range []*cobra.Command{newPlatformUp(p), newPlatformDown(p), newPlatformStatus(p)} {
		c.Annotations[alwaysAzure] = "yes"
		c.GroupID, c.DisableFlagsInUseLine = groupWork, true
		cmd.AddCommand(c)
	}
	return cmd
}

func newPlatformUp(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "up",
		Short: "create or update a platform",
		Long: `Make the platform on Azure what its definition says: registry, environment with its
network and logs, models and budget. A change is asked about, or needs --yes.`,
		Example: `  envctl platform up -f platform.yaml
  envctl platform up -f platform.yaml --simulate`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) {
			request, settings, err := p.request()
			if err != nil {
				return nil, err
			}
			if err := checkKind(request.Definition, definition.KindPlatform); err != nil {
				return nil, err
			}
			return p.bringUp(ctx, request, settings, upOptions{})
		}),
	}, "file", "name", "output", "ttl", "simulate", "record")
}

func newPlatformDown(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "down",
		Short: "remove a platform",
		Long: `Remove everything of a platform on Azure. Experiments that stand on it stop working; bring
them down first.`,
		Example: `  envctl platform down -f platform.yaml
  envctl platform down -e team-sandbox --yes`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) {
			named, err := p.platform()
			if err != nil {
				return nil, err
			}
			return p.takeDown(ctx, named, downOptions{})
		}),
	}, "file", "name", "experiment", "output", "simulate", "record")
}

func newPlatformStatus(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:     "status",
		Short:   "show what is there of a platform, and its drift",
		Long:    "Show whether the parts of a platform are on Azure as they were set up.",
		Example: "  envctl platform status -f platform.yaml",
		Args:    exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) {
			named, err := p.platform()
			if err != nil {
				return nil, err
			}
			return p.statusOf(ctx, named)
		}),
	}, "file", "name", "experiment", "output", "simulate", "record")
}

// platform is the one that is named or defined here.
func (p *program) platform() (named, error) {
	n, err := p.named()
	if err != nil {
		return n, err
	}
	return n, checkKind(n.definition, definition.KindPlatform)
}
