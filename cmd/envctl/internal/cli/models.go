package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local/models/service"
)

// newModels is what `up` starts in the background; nobody types it.
func newModels(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "models",
		GroupID: groupLook,
		Short:   "answer for the models of a sandbox",
		Example: "  envctl models serve ~/.local/state/envctl/models/demo.default",
		Hidden:  true,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(uses(&cobra.Command{
		Use:   "serve FOLDER",
		Short: "answer for the models of the sandbox that a folder has the settings of",
		Long: `Answer for the models of the sandbox that a folder has the settings of, through the
sandbox's gateway, until the settings or the gateway are gone, or until a signal. envctl
starts it when it needs it.`,
		Example: "  envctl models serve ~/.local/state/envctl/models/demo.default",
		Args:    exactly("FOLDER"),
		RunE: p.runs(func(ctx context.Context, args []string) (output.Document, error) {
			return nil, serveModels(ctx, p.path(args[0]), p.env.Getenv)
		}),
	}))
	return cmd
}

// serveModels serves until nobody needs it any more.
func serveModels(ctx context.Context, dir string, getenv func(string) string) error {
	options, done, err := modelsOptions(getenv)
	if err != nil {
		return err
	}
	defer done()
	return service.Serve(ctx, dir, options)
}
