package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/stacks"
)

// completionTime bounds how long a shell waits for names: longer feels stuck.
const completionTime = 500 * time.Millisecond

// candidates are names that may come next. Whatever goes wrong while they are
// looked for, a shell is not told: it just gets none.
type candidates func(ctx context.Context) []string

// complete teaches the commands the names that may follow them.
func (p *program) complete(root *cobra.Command) {
	apps := func(context.Context) []string {
		if d := p.quietDefinition(); d != nil {
			return keys(d.Apps)
		}
		return nil
	}
	jobs := func(context.Context) []string {
		if d := p.quietDefinition(); d != nil {
			return keys(d.Jobs)
		}
		return nil
	}
	arguments := map[string]candidates{"logs": apps, "exec": apps, "outputs": apps, "open": apps, "run": jobs}
	for _, c := range root.Commands() {
		if names := arguments[c.Name()]; names != nil {
			c.ValidArgsFunction = p.first(names)
		} else if c.ValidArgs == nil && c.ValidArgsFunction == nil {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
	if run, _, err := root.Find([]string{"run"}); err == nil {
		_ = run.RegisterFlagCompletionFunc("again", p.any(p.oneShotIDs))
	}
	for _, f := range []struct {
		command, flag string
		values        []string
	}{
		{"run", "isolation", isolation.Settings()}, {"mcp", "isolation", isolation.Settings()},
		{"promote", "to", []string{targetAzure}}, {"doctor", "fix", []string{"isolation"}},
	} {
		if c, _, err := root.Find([]string{f.command}); err == nil {
			_ = c.RegisterFlagCompletionFunc(f.flag, p.any(func(context.Context) []string { return slices.Clone(f.values) }))
		}
	}
	flags := map[string]candidates{
		"name": func(ctx context.Context) []string {
			return p.listed(ctx, func(e stacks.Summary) string { return e.Instance })
		},
		"experiment": func(ctx context.Context) []string {
			return p.listed(ctx, func(e stacks.Summary) string { return e.Experiment })
		},
		"target": func(context.Context) []string { return []string{targetLocal, targetAzure} },
		"output": func(context.Context) []string {
			var names []string
			for _, f := range output.Formats() {
				names = append(names, string(f))
			}
			return names
		},
	}
	for name, names := range flags {
		// The error is that of a flag that does not exist; a test completes each.
		_ = root.RegisterFlagCompletionFunc(name, p.any(names))
	}
}

// oneShotIDs are the runs that can be repeated.
func (p *program) oneShotIDs(ctx context.Context) []string {
	runs, err := p.env.Services.OneShots(ctx, p.settings(nil))
	if err != nil {
		return nil
	}
	ids, err := runs.IDs()
	if err != nil {
		return nil
	}
	return ids
}

// first completes the first argument only.
func (p *program) first(names candidates) cobra.CompletionFunc {
	all := p.any(names)
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return all(cmd, args, prefix)
	}
}

// any completes with the names that begin as typed, whatever came before.
func (p *program) any(names candidates) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if fromEnvironment(cmd.Flags(), p.env.Getenv) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if p.flags.dir != "" {
			p.env.Dir = p.path(p.flags.dir)
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		begun := slices.DeleteFunc(names(ctx), func(n string) bool { return !strings.HasPrefix(n, typed) })
		return begun, cobra.ShellCompDirectiveNoFileComp
	}
}

// quietDefinition is the definition here, nil where there is none that can be read.
func (p *program) quietDefinition() *definition.Definition {
	if p.flags.file == "-" {
		return nil
	}
	s, err := p.source()
	if err != nil {
		return nil
	}
	d, err := s.readWithoutVariables(p.env.Lookup, p.flags.target)
	if err != nil {
		return nil
	}
	return d
}

// listed returns one part of every recorded experiment, each once.
func (p *program) listed(ctx context.Context, part func(stacks.Summary) string) []string {
	views, err := p.env.Services.Views(ctx, p.settings(nil))
	if err != nil {
		return nil
	}
	all, err := views.List(ctx)
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	for _, e := range all {
		seen[part(e)] = true
	}
	return keys(seen)
}
