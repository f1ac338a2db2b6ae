package cli

import (
	"bytes"
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(p *program) *cobra.Command {
	var cmd *cobra.Command
	cmd = uses(&cobra.Command{
		Use:   "completion SHELL",
		Short: "print a script that completes commands, flags and names",
		Long:  "Print a script that completes commands, flags, apps, jobs and instances in bash, zsh,\nfish or powershell. In bash it needs the package bash-completion.",
		Example: `  source <(envctl completion bash)
  envctl completion zsh > "${fpath[1]}/_envctl"
  envctl completion fish > ~/.config/fish/completions/envctl.fish`,
		ValidArgs: shells,
		Args:      exactly("SHELL"),
		RunE: p.runs(func(_ context.Context, args []string) (output.Document, error) {
			if p.flags.format != output.Text {
				return nil, usage("unset "+variables["output"], "completion has no --output: it prints a script")
			}
			return runCompletion(cmd.Root(), args[0])
		}),
	})
	return cmd
}

func runCompletion(root *cobra.Command, shell string) (output.Document, error) {
	var b bytes.Buffer
	var err error
	switch shell {
	case "bash":
		err = root.GenBashCompletionV2(&b, true)
	case "zsh":
		err = root.GenZshCompletion(&b)
	case "fish":
		err = root.GenFishCompletion(&b, true)
	case "powershell":
		err = root.GenPowerShellCompletionWithDesc(&b)
	default:
		hint := "one of bash, zsh, fish, powershell"
		if near := nearest(shell, shells); near != "" {
			hint = "envctl completion " + near
		}
		return nil, usage(hint, "shell %q is not known", shell)
	}
	return output.Verbatim(b.Bytes()), err
}
