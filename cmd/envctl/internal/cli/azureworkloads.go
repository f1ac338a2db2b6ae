package cli

import (
	"context"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
	"github.com/envctl/envctl/stacks/azure/console"
	"github.com/envctl/envctl/stacks/lifecycle"
)

func (a *azureServices) Logs(ctx context.Context, r LogsRequest) error {
	if r.Egress {
		return &problem{code: "unsupported", status: statusUsage, path: "--egress",
			message: "--egress has no meaning for the target \"azure\": nothing there tells what was let out or refused",
			hint:    "look at it locally: envctl up, then envctl logs --egress"}
	}
	options := azure.LogOptions{App: r.App, Follow: r.Follow, Since: r.Since, Tail: r.Tail}
	return a.target.Logs(ctx, r.Ref, options, func(line azure.Line) error {
		return r.OnLine(output.LogLine{Time: line.Time, App: line.App, Stream: line.Stream, Text: line.Text})
	})
}

func (a *azureServices) Exec(ctx context.Context, r ExecRequest) (int, error) {
	options := azure.ExecOptions{Cmd: r.Command, TTY: r.TTY, Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr}
	if r.Resize != nil {
		sizes := make(chan console.Size)
		ctx, done := context.WithCancel(ctx)
		defer done()
		go passSizes(ctx, r.Resize, sizes)
		options.Resize = sizes
	}
	return a.target.Exec(ctx, r.Ref, r.App, options)
}

// passSizes passes sizes of the terminal on until ctx is done.
func passSizes(ctx context.Context, from <-chan docker.Size, to chan<- console.Size) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, ok := <-from:
			if !ok {
				return
			}
			select {
			case to <- console.Size(size):
			case <-ctx.Done():
				return
			}
		}
	}
}

// Run starts a job that is up and waits for its end.
func (a *azureServices) Run(ctx context.Context, r RunRequest) (RunEnd, error) {
	began := time.Now()
	result := a.NewResult("run", r.Ref)
	settled, err := a.Settle(ctx, lifecycle.Request{Definition: r.Definition, File: r.File, Ref: r.Ref, OnEvent: r.OnEvent}, r.Job)
	if err != nil {
		return RunEnd{Result: result}, err
	}
	run := azure.JobRun{Plan: settled.Plan, Job: r.Job, Out: r.Out, Stdout: r.Stdout}
	if len(r.Args) > 0 {
		run.Args = r.Args
	}
	ended, err := a.target.RunJob(ctx, run)
	result.Seconds = time.Since(began).Seconds()
	if err == nil && ended.ExitCode == 0 {
		result.Result = stacks.Completed
	}
	out := RunEnd{Result: result, ExitCode: ended.ExitCode}
	if r.Out != "" && ended.Execution != "" {
		out.Files = &ended.Outputs
	}
	return out, err
}
