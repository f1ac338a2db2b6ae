package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The groups of commands in the help.
const (
	groupBegin = "begin"
	groupWork  = "work"
	groupLook  = "look"
	groupHelp  = "help"
)

// newRoot returns the command line.
func newRoot(p *program) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "envctl",
		Short: "AI experiments from one file: a hardened sandbox here, the same in the cloud",
		Long: `envctl takes an experiment from one envctl.yaml to a running, hardened sandbox
on the Docker engine at hand, and leaves nothing behind afterwards.`,
		Example: `  envctl init          # write an envctl.yaml
  envctl up            # build, create or update; prints the addresses
  envctl down          # remove everything`,
		Args:              unknownCommand,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return p.prepare(cmd) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "envctl "+programVersion())
				return err
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version alone")
	root.AddGroup(&cobra.Group{ID: groupBegin, Title: "Begin:"}, &cobra.Group{ID: groupWork, Title: "Work:"},
		&cobra.Group{ID: groupLook, Title: "Look:"}, &cobra.Group{ID: groupHelp, Title: "Help:"})
	root.DisableFlagsInUseLine = true
	p.flags.add(root.PersistentFlags())
	root.SetFlagErrorFunc(flagError)
	p.setHelp(root)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			c.DisableFlagsInUseLine = true
			root.AddCommand(c)
		}
	}
	add(groupBegin, newInit(p), newCheck(p), newParity(p), newDoctor(p))
	add(groupWork, newPreview(p), newUp(p), newRun(p), newMCP(p), newPromote(p), newRehearse(p), newDown(p), newExtend(p), newGC(p), newPlatform(p))
	add(groupLook, newStatus(p), newList(p), newOutputs(p), newCost(p), newLogs(p), newExec(p), newOpen(p))
	add(groupHelp, newSchema(p), newCompletion(p), newVersion(p), newHelp())
	root.AddCommand(newRegistry(p), newModels(p), newSimulator(p))
	p.complete(root)
	return root
}

// newHelp is `envctl help [COMMAND]`.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND [COMMAND]]",
		Short:   "tell about a command",
		Example: "  envctl help up",
		Args:    between(0, 2, "COMMAND"),
		RunE: func(cmd *cobra.Command, args []string) error {
			about, _, err := cmd.Root().Find(args)
			if err != nil {
				return unknownCommand(cmd.Root(), args)
			}
			if about == cmd.Root() && len(args) > 0 {
				return unknownCommand(cmd.Root(), args)
			}
			about.InitDefaultHelpFlag() // as `COMMAND --help` has it
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range cmd.Root().Commands() {
				if !c.Hidden && strings.HasPrefix(c.Name(), typed) {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
