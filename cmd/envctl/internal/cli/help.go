package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setHelp replaces the library's help: a command's own flags, then those of the
// global ones that mean something to it.
func (p *program) setHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _, _ = fmt.Fprint(cmd.OutOrStdout(), help(cmd, p.helpColumns())) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), help(cmd, p.helpColumns()))
		return err
	})
}

// widestHelp is how many columns a help takes where nothing is narrower.
const widestHelp = 100

// helpColumns is how wide a help may be: as the terminal that it is printed to.
func (p *program) helpColumns() int {
	if p.env.IsTerminal == nil || !p.env.IsTerminal(p.env.Stdout) {
		return widestHelp
	}
	if width, _ := p.env.Size(); width > 0 {
		return min(width, widestHelp)
	}
	return widestHelp
}

// help is what `COMMAND --help` prints, in so many columns as far as that can be:
// examples are left as they are, to be copied.
func help(cmd *cobra.Command, columns int) string {
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
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", reflow(strings.TrimSpace(about), columns), usage)
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
	writeFlags(&b, "Flags:", own, columns)
	writeFlags(&b, "Flags everywhere:", global, columns)
	if !cmd.HasParent() {
		b.WriteString("\n" + reflow(exitStatuses, columns) + "\n\n\"envctl COMMAND --help\" tells more about a command.\n")
	}
	return b.String()
}

const exitStatuses = `Exit status: 0 done; 1 failed, run it again to go on; 2 wrong definition or command line;
3 refused by policy or budget; 4 changes (preview --exit-code); 5 locked by another envctl; 130 interrupted`

// reflow breaks paragraphs anew where a terminal is narrower than they were written
// for. A line that is indented stays as it is.
func reflow(text string, columns int) string {
	if columns >= widestHelp {
		return text
	}
	var out []string
	open := false // the last line of out can take more words
	for _, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, " ") {
			out, open = append(out, line), false
			continue
		}
		for _, word := range strings.Fields(line) {
			if last := len(out) - 1; open && len(out[last])+1+len(word) <= columns {
				out[last] += " " + word
			} else {
				out, open = append(out, word), true
			}
		}
	}
	return strings.Join(out, "\n")
}

func writeFlags(b *strings.Builder, title string, fs *pflag.FlagSet, columns int) {
	if fs.HasAvailableFlags() {
		fmt.Fprintf(b, "\n%s\n%s", title, fs.FlagUsagesWrapped(columns))
	}
}
