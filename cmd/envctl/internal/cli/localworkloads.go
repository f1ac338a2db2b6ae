package cli

import (
	"context"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/lifecycle"
)

func (l *localServices) Preview(ctx context.Context, r Request) (stacks.Result, error) {
	return l.Service.Preview(ctx, lifecycle.Request(r))
}

func (l *localServices) Up(ctx context.Context, r Request) (stacks.Result, error) {
	return l.Service.Up(ctx, lifecycle.Request(r))
}

func (l *localServices) Down(ctx context.Context, r Request) (stacks.Result, error) {
	return l.Service.Down(ctx, lifecycle.Request(r))
}

func (l *localServices) Logs(ctx context.Context, r LogsRequest) error {
	options := local.LogOptions{App: r.App, Follow: r.Follow, Since: r.Since, Tail: r.Tail}
	return l.target.Logs(ctx, r.Ref, options, func(line local.Line) error { return r.OnLine(output.LogLine(line)) })
}

func (l *localServices) Exec(ctx context.Context, r ExecRequest) (int, error) {
	return l.target.Exec(ctx, r.Ref, r.App, docker.ExecOptions{
		Cmd: r.Command, TTY: r.TTY, Resize: r.Resize, Streams: docker.Streams{Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr},
	})
}

// Run runs a job to its end and returns its exit status.
func (l *localServices) Run(ctx context.Context, r RunRequest) (stacks.Result, int, error) {
	began := time.Now()
	result := l.NewResult("run", r.Ref)
	settled, err := l.Settle(ctx, lifecycle.Request{Definition: r.Definition, File: r.File, Ref: r.Ref, OnEvent: r.OnEvent}, r.Job)
	if err != nil {
		return result, 0, err
	}
	run := local.JobRun{
		Plan: settled.Plan, Job: r.Job, Secrets: settled.Secrets, Out: r.Out,
		Streams: docker.Streams{Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr},
	}
	if len(r.Args) > 0 {
		run.Args = r.Args
	}
	ended, err := l.target.RunJob(ctx, run)
	result.Seconds = time.Since(began).Seconds()
	if err == nil && ended.ExitCode == 0 {
		result.Result = stacks.Completed
	}
	return result, ended.ExitCode, err
}
