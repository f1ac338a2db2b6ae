package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/cloud"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

// newSimulator is what a simulated `up` starts in the background; nobody types it.
func newSimulator(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "simulator",
		GroupID: groupLook,
		Short:   "answer for the identities and models of simulated apps",
		Example: "  envctl simulator serve ~/.local/state/envctl/simulated/azure unix:///var/run/docker.sock",
		Hidden:  true,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(uses(&cobra.Command{
		Use:   "serve FOLDER ENGINE",
		Short: "answer for the identities and models of the apps of a simulator's folder",
		Long: `Answer for the identities and models of the apps of a simulator's folder, through the
gateways of their environments, until there is none any more, or until a signal. envctl
starts it when it needs it.`,
		Example: "  envctl simulator serve ~/.local/state/envctl/simulated/azure unix:///var/run/docker.sock",
		Args:    exactly("FOLDER", "ENGINE"),
		RunE: p.runs(func(ctx context.Context, args []string) (output.Document, error) {
			return nil, cloud.Serve(ctx, p.path(args[0]), args[1], p.env.Getenv)
		}),
	}))
	return cmd
}

// background is this program as it answers for simulated apps.
func background() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which answers for simulated apps: %w", err)
	}
	return []string{self, "simulator", "serve"}, nil
}
