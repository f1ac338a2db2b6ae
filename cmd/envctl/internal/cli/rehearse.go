package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

func newRehearse(p *program) *cobra.Command {
	return uses(&cobra.Command{
		Use:   "rehearse",
		Short: "go through the whole life on Azure with a simulator",
		Long: `Bring the experiment up here and, by a simulator of Azure on this machine, there: check,
up, promote, look at it, change it, and take it down, each as a command of its own in a
state that is thrown away. No subscription is needed and nothing is billed. Exit
status 1: a step failed; what it said is above.`,
		Example: `  envctl rehearse
  envctl rehearse -o json | jq '.steps[] | select(.state != "ok")'`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runRehearse(ctx, p) }),
	}, "file", "output")
}

// step is one command of a rehearsal.
type step struct {
	name string
	args []string
	// always says that it runs after a failure too: it cleans up.
	always bool
	// detail says what came of it, where it succeeded.
	detail func(rehearsed) string
}

// rehearsed is the part of a result that a rehearsal looks at.
type rehearsed struct {
	Result  string `json:"result"`
	Changes struct{ Create, Update, Replace, Delete, Same int }
	Images  map[string]string `json:"images"`
	Apps    []struct{ Name, State string }
	Found   []any `json:"found"`
}

// rehearsal are the steps, in their order.
func rehearsal(instance string) []step {
	azure := []string{"-t", targetAzure, "--simulate"}
	on := func(args ...string) []string { return append(append([]string{}, args...), "-n", instance) }
	return []step{
		{name: "check", args: append([]string{"check"}, "-t", targetAzure)},
		{name: "up here", args: on("up"), detail: changed},
		{name: "preview", args: on(append([]string{"preview"}, azure...)...), detail: changed},
		{name: "promote", args: on("promote", "--to", targetAzure, "--simulate"), detail: promoted},
		{name: "status", args: on(append([]string{"status"}, azure...)...), detail: healthy},
		{name: "unchanged", args: on(append([]string{"up"}, azure...)...), detail: changed},
		{name: "change", args: on(append([]string{"up", "--ttl", "1h"}, azure...)...), detail: changed},
		{name: "promote again", args: on("promote", "--to", targetAzure, "--simulate"), detail: promoted},
		{name: "down", args: on(append([]string{"down"}, azure...)...), always: true, detail: removed},
		{name: "leftovers", args: append([]string{"gc", "--dry-run"}, azure...), always: true, detail: nothingLeft},
		{name: "down here", args: on("down"), always: true, detail: removed},
	}
}

func changed(r rehearsed) string {
	c := r.Changes
	return fmt.Sprintf("%s: %d created, %d updated, %d replaced, %d unchanged", r.Result, c.Create, c.Update, c.Replace, c.Same)
}

func promoted(r rehearsed) string {
	return fmt.Sprintf("%s: %d images by digest, %d created", r.Result, len(r.Images), r.Changes.Create)
}

func removed(r rehearsed) string { return fmt.Sprintf("%s: %d removed", r.Result, r.Changes.Delete) }

func healthy(r rehearsed) string {
	var parts []string
	for _, a := range r.Apps {
		parts = append(parts, a.Name+" "+a.State)
	}
	return strings.Join(parts, ", ")
}

func nothingLeft(r rehearsed) string { return fmt.Sprintf("%d left over", len(r.Found)) }

func runRehearse(ctx context.Context, p *program) (output.Document, error) {
	source, err := p.source()
	if err != nil {
		return nil, err
	}
	d, err := source.read(p.env.Lookup)
	if err != nil {
		return nil, err
	}
	if source.file == "" {
		return nil, usage("-f FILE", "a definition from stdin cannot be rehearsed: each step reads it again")
	}
	if err := checkKind(d, definition.KindExperiment); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "envctl-rehearsal-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	self, err := p.env.Self()
	if err != nil {
		return nil, err
	}
	r := rehearser{program: p, self: self, file: source.file, state: filepath.Join(folder, "state")}
	document := output.NewRehearsal(d.Name, r.all(ctx, rehearsal(fmt.Sprintf("rehearsal-%d", os.Getpid()))))
	if document.Result == output.FindingFailed {
		return document, exitWith(statusFailed)
	}
	return document, nil
}

// all runs the steps. After one that failed only those that clean up run; and those
// run after an interrupt, too.
func (r rehearser) all(ctx context.Context, steps []step) []output.RehearsalStep {
	var out []output.RehearsalStep
	failed := false
	for _, s := range steps {
		line := output.RehearsalStep{Name: s.name, Command: "envctl " + strings.Join(s.args, " "), State: output.FindingSkipped}
		if (!failed && ctx.Err() == nil) || s.always {
			began := time.Now()
			stepCtx := ctx
			if s.always {
				stepCtx = context.WithoutCancel(ctx)
			}
			detail, err := r.run(stepCtx, s)
			line.State, line.Detail, line.Seconds = output.FindingOK, detail, time.Since(began).Seconds()
			if err != nil {
				failed, line.State, line.Detail = true, output.FindingFailed, err.Error()
			}
			r.program.printer.Notice(fmt.Sprintf("%s  %s (%.1f s)  %s", line.State, line.Name, line.Seconds, line.Detail))
		}
		out = append(out, line)
	}
	return out
}
