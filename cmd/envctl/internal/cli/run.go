package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

type runOptions struct{ out string }

func newRun(p *program) *cobra.Command {
	var o runOptions
	cmd := uses(&cobra.Command{
		Use:   "run JOB [FLAG...] [-- ARG...]",
		Short: "run a job to its end",
		Long: `Run a job of the definition to its end, in the sandbox of its experiment. stdout, stderr
and the exit status are the job's own. With -o json or ndjson, stdout has the result
and what the job prints goes to stderr.`,
		Example: `  envctl run analyze
  envctl run analyze --out ./results -- --month 2026-01`,
		Args: between(1, -1, "JOB"),
		RunE: p.runs(func(ctx context.Context, args []string) (output.Document, error) { return runRun(ctx, p, o, args) }),
	}, "file", "name", "target", "output", "simulate", "record")
	cmd.Flags().StringVar(&o.out, "out", "", "bring the job's outputs to this `FOLDER`")
	return cmd
}

func runRun(ctx context.Context, p *program, o runOptions, args []string) (output.Document, error) {
	request, settings, err := p.request()
	if err != nil {
		return nil, err
	}
	job, ok := request.Definition.Jobs[args[0]]
	if !ok {
		return nil, noSuch("job", args[0], keys(request.Definition.Jobs))
	}
	if o.out != "" && job.Outputs == "" {
		return nil, &problem{code: "no-outputs", status: statusUsage, path: "jobs." + args[0] + ".outputs",
			message: fmt.Sprintf("--out %q: job %q has no outputs", o.out, args[0]),
			hint:    "name the folder that the job writes to, as in outputs: /out"}
	}
	stdout, stderr := p.clean(p.stdout()), p.clean(p.env.Stderr)
	defer closeAll(stdout, stderr)
	run := RunRequest{Definition: request.Definition, File: request.File, Ref: request.Ref, Job: args[0], Args: args[1:],
		Stdin: p.env.Stdin, Stdout: stdout, Stderr: stderr, OnEvent: request.OnEvent}
	if o.out != "" {
		run.Out = p.path(o.out)
	}
	workloads, err := p.env.Services.Workloads(ctx, settings)
	if err != nil {
		return nil, err
	}
	result, status, err := workloads.Run(ctx, run)
	if err == nil && status != statusOK {
		err = exitWith(status)
	}
	if result.Command == "" {
		return nil, err
	}
	return output.NewJobRun(result, run.Job, status, run.Out), err
}

// stdout is where a program's own output goes: not among envctl's JSON.
func (p *program) stdout() io.Writer {
	if p.flags.format != output.Text {
		return p.env.Stderr
	}
	return p.env.Stdout
}
