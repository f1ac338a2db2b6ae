package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local/registry"
)

// newRegistry is what `up` starts in the background; nobody types it.
func newRegistry(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "registry",
		GroupID: groupLook,
		Short:   "serve the local registry",
		Example: "  envctl registry serve ~/.local/state/envctl/registry",
		Hidden:  true,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(uses(&cobra.Command{
		Use:   "serve FOLDER",
		Short: "serve the images in a folder on a loopback address",
		Long: `Serve the images in a folder on a loopback address, until none is left, until nobody has
asked for two hours, or until a signal. envctl starts it when it needs it.`,
		Example: "  envctl registry serve ~/.local/state/envctl/registry",
		Args:    exactly("FOLDER"),
		RunE: p.runs(func(ctx context.Context, args []string) (output.Document, error) {
			return nil, registry.Serve(ctx, p.path(args[0]), registry.ServeOptions{})
		}),
	}))
	return cmd
}
