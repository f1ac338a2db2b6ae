package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

type runOptions struct {
	out string
	one oneShotOptions
}

func newRun(p *program) *cobra.Command {
	var o runOptions
	cmd := uses(&cobra.Command{
		Use:   "run [JOB] [FLAG...] [-- ARG...]",
		Short: "run a job, a script or an image to its end",
		Long: `Run a job of the definition to its end, in the sandbox of its experiment. Or, without a
JOB, run a script or an image once, in a sandbox that is made for it and gone afterwards; no
definition is needed. stdout, stderr and the exit status are the program's own. With -o json
or ndjson, stdout has the result and what the program prints goes to stderr.

A script (--file) finds itself and what --in brings in /in, which it can only read, and that
is its current folder; what it leaves in /out comes back to the folder --out. It has no
network; --egress lets it reach the hosts that are named, and nothing else. Packages that it
wants, by inline metadata (PEP 723), --with, a requirements.txt or a package.json, are
resolved once, installed before it starts, and kept for the next time. Without --image it
runs in the usual image of its language, pinned when it is first used.

Afterwards a report is printed to stderr: the end, the time, memory and CPU, the files that
came back, what egress was tried and refused, and what a job's models took.`,
		Example: `  envctl run analyze
  envctl run analyze --out ./results -- --month 2026-01
  envctl run --file analyze.py --in data.csv --out results -- --month 2026-01
  envctl run --file plot.py --with matplotlib==3.10 --timeout 2m --memory 2Gi
  envctl run --file fetch.py --egress api.github.com --egress "*.example.com:8443"
  envctl run --image alpine:3 -- ls -l /
  envctl run --again 20260131-120000-abcdef`,
		Args: between(0, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runs(func(ctx context.Context, args []string) (output.Document, error) {
				if dash := cmd.ArgsLenAtDash(); len(args) > 0 && dash != 0 {
					if err := checkJobFlags(cmd); err != nil {
						return nil, err
					}
					return runRun(ctx, p, o, args)
				}
				return runOneShot(ctx, p, o, cmd.Flags(), args)
			})(cmd, args)
		},
	}, "file", "name", "target", "output", "simulate", "record")
	cmd.Flags().StringVar(&o.out, "out", "", "bring the outputs to this `FOLDER`; a job's replace files of the same names")
	o.one.add(cmd.Flags())
	return cmd
}

func runRun(ctx context.Context, p *program, o runOptions, args []string) (output.Document, error) {
	if err := p.checkScript(args[0]); err != nil {
		return nil, err
	}
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
		if err := checkOut(run.Out); err != nil {
			return nil, err
		}
	}
	workloads, err := p.env.Services.Workloads(ctx, settings)
	if err != nil {
		return nil, err
	}
	ended, err := workloads.Run(ctx, run)
	if ended.Report != nil {
		closeAll(stdout, stderr) // the report comes after all that the job said
		p.report(*ended.Report, o.one.quiet)
	}
	if ended.Files != nil && p.flags.format == output.Text && !o.one.quiet {
		closeAll(stdout, stderr)
		p.printer.Notice(fmt.Sprintf("run %s: %s", run.Job, filesLine(*ended.Files, run.Out)))
	}
	if err == nil && ended.ExitCode != statusOK {
		err = exitWith(ended.ExitCode)
	}
	if ended.Result.Command == "" {
		return nil, err
	}
	return jobResult{output.NewJobRun(ended.Result, run.Job, ended.ExitCode, run.Out), ended.Report, ended.Files}, err
}

// checkScript refuses the name of a file where a JOB is meant: no job has a dot or a
// slash in its name.
func (p *program) checkScript(job string) error {
	if !strings.ContainsAny(job, "./") {
		return nil
	}
	if info, err := os.Stat(p.path(job)); err != nil || info.IsDir() {
		return nil
	}
	return usage("envctl run --file "+job, "%q is a file and no job", job)
}

// stdout is where a program's own output goes: not among envctl's JSON.
func (p *program) stdout() io.Writer {
	if p.flags.format != output.Text {
		return p.env.Stderr
	}
	return p.env.Stdout
}
