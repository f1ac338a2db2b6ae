package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
)

func newOpen(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "open [APP]",
		Short: "open an app's address in the browser, or print it",
		Long: `Open the address of an app in the browser. Without a desktop, in a pipe and with --output
it is printed only. APP may be left out where one app alone has a public address.`,
		Example: `  envctl open
  envctl open api -t azure`,
		Args: between(0, 1, "APP"),
		RunE: p.runs(func(ctx context.Context, args []string) (output.Document, error) { return runOpen(ctx, p, args) }),
	}, "file", "name", "target", "experiment", "output", "simulate", "record")
}

func runOpen(ctx context.Context, p *program, args []string) (output.Document, error) {
	_, outputs, err := p.outputs(ctx)
	if err != nil {
		return nil, err
	}
	app, err := publicApp(outputs, args)
	if err != nil {
		return nil, err
	}
	opened := output.Opened{SchemaVersion: stacks.SchemaVersion, Command: "open", App: app, URL: outputs.Apps[app].URL}
	if p.flags.format == output.Text && p.env.IsTerminal(p.env.Stdout) && p.env.Open != nil {
		if err := p.env.Open(ctx, opened.URL); err != nil {
			p.printer.Notice("no browser was opened: " + err.Error())
		} else {
			opened.Opened = true
		}
	}
	return opened, nil
}

// publicApp is the app that was named, or the only one with an address.
func publicApp(o stacks.Outputs, args []string) (string, error) {
	var public []string
	for _, app := range keys(o.Apps) {
		if o.Apps[app].URL != "" {
			public = append(public, app)
		}
	}
	switch {
	case len(args) == 1:
		app, ok := o.Apps[args[0]]
		if !ok {
			return "", noSuch("app", args[0], keys(o.Apps))
		}
		if app.URL == "" {
			return "", &problem{code: "not-public", status: statusUsage, path: "apps." + args[0] + ".ingress",
				message: fmt.Sprintf("app %q has no public address", args[0]), hint: "set ingress.public to true, then envctl up"}
		}
		return args[0], nil
	case len(public) == 1:
		return public[0], nil
	case len(public) == 0:
		return "", &problem{code: "not-public", status: statusUsage, message: "no app has a public address",
			hint: "set ingress.public of one to true, then envctl up"}
	}
	return "", usage("envctl open "+public[0], "several apps have a public address: %q", public)
}
