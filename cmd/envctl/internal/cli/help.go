package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setHelp replaces the library's help: a command's own flags, then those of the
// global ones that mean something to it.
func setHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _, _ = fmt.Fprint(cmd.OutOrStdout(), help(cmd)) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), help(cmd))
		return err
	})
}

func help(cmd *cobra.Command) string {
	var b strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	usage := cmd.UseLine()
	if !cmd.HasParent() {
		usage += " COMMAND"
	}
	if !strings.Contains(usage, "[FLAG...]") {
		usage += " [FLAG...]"
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", strings.TrimSpace(about), usage)
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	for _, g := range cmd.Groups() {
		fmt.Fprintf(&b, "\n%s\n", g.Title)
		for _, c := range cmd.Commands() {
			if c.GroupID == g.ID && c.IsAvailableCommand() {
				fmt.Fprintf(&b, "  %-12s%s\n", c.Name(), c.Short)
			}
		}
	}
	own, global := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	cmd.LocalNonPersistentFlags().VisitAll(own.AddFlag)
	cmd.Root().PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !cmd.HasParent() || usesFlag(cmd, f.Name) && own.Lookup(f.Name) == nil {
			global.AddFlag(f)
		}
	})
	writeFlags(&b, "Flags:", own)
	writeFlags(&b, "Flags everywhere:", global)
	if !cmd.HasParent() {
		b.WriteString("\nExit status: 0 done; 1 failed, run it again to go on; 2 wrong definition or command line;\n" +
			"3 refused by policy or budget; 4 changes (preview --exit-code); 5 locked by another envctl; 130 interrupted\n" +
			"\n\"envctl COMMAND --help\" tells more about a command.\n")
	}
	return b.String()
}

func writeFlags(b *strings.Builder, title string, fs *pflag.FlagSet) {
	if fs.HasAvailableFlags() {
		fmt.Fprintf(b, "\n%s\n%s", title, fs.FlagUsagesWrapped(100))
	}
}
