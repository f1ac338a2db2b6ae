package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

func newExec(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "exec APP [FLAG...] -- COMMAND [ARG...]",
		Short: "run a command in an app's container",
		Long: `Run a command in the running container of an app, with the same user and limits. Its
stdin, stdout, stderr and exit status are the command's own. With stdin and stdout on a
terminal, the command gets that terminal.`,
		Example: `  envctl exec api -- ls -l /data
  envctl exec api -- sh`,
		Args: between(2, -1, "APP", "COMMAND"),
		RunE: p.runs(func(ctx context.Context, args []string) (output.Document, error) { return runExec(ctx, p, args) }),
	}, "file", "name", "target", "experiment", "simulate", "record")
}

func runExec(ctx context.Context, p *program, args []string) (output.Document, error) {
	if p.flags.format != output.Text {
		return nil, usage("unset "+variables["output"], "exec has no --output: its stdout is the command's own")
	}
	app, command := args[0], args[1:]
	named, err := p.named()
	if err != nil {
		return nil, err
	}
	if err := named.checkApp(app); err != nil {
		return nil, err
	}
	workloads, err := p.env.Services.Workloads(ctx, named.settings)
	if err != nil {
		return nil, err
	}
	request := ExecRequest{Ref: named.ref, App: app, Command: command, Stdin: p.env.Stdin,
		TTY: p.env.IsTerminal(p.env.Stdin) && p.env.IsTerminal(p.env.Stdout)}
	if request.TTY {
		sizes, restore, err := p.env.Raw()
		if err != nil {
			return nil, err
		}
		defer restore()
		request.Resize, request.Stdout, request.Stderr = sizes, p.env.Stdout, p.env.Stderr
	} else {
		stdout, stderr := p.clean(p.env.Stdout), p.clean(p.env.Stderr)
		defer closeAll(stdout, stderr)
		request.Stdout, request.Stderr = stdout, stderr
	}
	stdout := &execOutput{w: request.Stdout}
	request.Stdout = stdout
	status, err := workloads.Exec(ctx, request)
	if err == nil {
		err = stdout.end(app, command, status)
	}
	return nil, err
}
