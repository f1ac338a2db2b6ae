package cli

import (
	"context"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/lifecycle"
)

func (l *localServices) Preview(ctx context.Context, r Request) (stacks.Result, error) {
	return l.Service.Preview(ctx, lifecycle.Request(r))
}

func (l *localServices) Up(ctx context.Context, r Request) (stacks.Result, error) {
	wait := l.reapBeside(ctx)
	result, err := l.Service.Up(ctx, lifecycle.Request(r))
	if err == nil { // one that was killed is started again though nothing else changed
		err = l.answerModels(ctx, r.Ref, r.Definition)
	}
	result.Warnings = append(result.Warnings, wait()...)
	return result, err
}

// answerModels makes sure that something answers for the models of an instance.
func (l *localServices) answerModels(ctx context.Context, ref stacks.Ref, def *definition.Definition) error {
	if len(def.Models) == 0 {
		return nil
	}
	return l.target.AnswerModels(ctx, ref, def)
}

func (l *localServices) Down(ctx context.Context, r Request) (stacks.Result, error) {
	return l.Service.Down(ctx, lifecycle.Request(r))
}

func (l *localServices) Logs(ctx context.Context, r LogsRequest) error {
	options := local.LogOptions{App: r.App, Follow: r.Follow, Since: r.Since, Tail: r.Tail}
	if r.Egress {
		return l.target.Egress(ctx, r.Ref, options, func(e protocol.Event) error { return r.OnLine(egressLine(e)) })
	}
	return l.target.Logs(ctx, r.Ref, options, func(line local.Line) error {
		return r.OnLine(output.LogLine{Time: line.Time, App: line.App, Stream: line.Stream, Text: line.Text})
	})
}

func (l *localServices) Exec(ctx context.Context, r ExecRequest) (int, error) {
	wait := l.reapBeside(ctx)
	defer wait() // a command's own output is all that it says
	return l.target.Exec(ctx, r.Ref, r.App, docker.ExecOptions{
		Cmd: r.Command, TTY: r.TTY, Resize: r.Resize, Streams: docker.Streams{Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr},
	})
}

// Run runs a job to its end and returns its exit status.
func (l *localServices) Run(ctx context.Context, r RunRequest) (RunEnd, error) {
	began := time.Now()
	out := RunEnd{Result: l.NewResult("run", r.Ref)}
	wait := l.reapBeside(ctx)
	defer func() { _ = wait() }() // a run's own output is all that it says
	settled, err := l.Settle(ctx, lifecycle.Request{Definition: r.Definition, File: r.File, Ref: r.Ref, OnEvent: r.OnEvent}, r.Job)
	if err != nil {
		return out, err
	}
	run := local.JobRun{
		Plan: settled.Plan, Job: r.Job, Secrets: settled.Secrets, Ground: settled.Ground, Out: r.Out,
		Streams: docker.Streams{Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr},
	}
	if len(r.Args) > 0 {
		run.Args = r.Args
	}
	var spent *jobSpending
	if len(r.Definition.Jobs[r.Job].Models) > 0 {
		if err := l.answerModels(ctx, r.Ref, r.Definition); err != nil {
			return out, err
		}
		if spent, err = l.spending(r.Ref, r.Job); err != nil {
			return out, err
		}
	}
	ended, err := l.target.RunJob(ctx, run)
	out.Seconds, out.ExitCode = time.Since(began).Seconds(), ended.ExitCode
	if ended.Name != "" {
		report := jobReport(ended, r.Out, ctx.Err() != nil)
		report.Models = spent.since(ctx, ended.Shared)
		out.Report = &report
	}
	if err == nil && ended.ExitCode == 0 {
		out.Result.Result = stacks.Completed
	}
	return out, err
}
