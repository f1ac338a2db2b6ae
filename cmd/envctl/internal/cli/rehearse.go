package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
up, promote, look at it, change a variable of it here and promote that too, and take it
down, each as a command of its own in a state that is thrown away. The definition's file
is left as it is. No subscription is needed and nothing is billed. Exit
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
	// variable says that it needs an app or a job, which a variable is set in.
	variable bool
	// changed says that it works with the changed definition.
	changed bool
	// detail says what came of it, where it succeeded.
	detail func(rehearsed) string
	// must refuses a result that is not what the step is for; nil: any will do.
	must func(rehearsed) error
}

// rehearsed is the part of a result that a rehearsal looks at.
type rehearsed struct {
	Result  string `json:"result"`
	Changes struct{ Create, Update, Replace, Delete, Same int }
	Images  map[string]string `json:"images"`
	Apps    []struct{ Name, State string }
	Found   []any `json:"found"`
	Steps   json.RawMessage
}

// rehearsal are the steps for a definition, in their order.
func rehearsal(instance string, d *definition.Definition) []step {
	azure := []string{"-t", targetAzure, "--simulate"}
	on := func(args ...string) []string { return append(append([]string{}, args...), "-n", instance) }
	steps := []step{
		{name: "check", args: append([]string{"check"}, "-t", targetAzure)},
		{name: "up here", args: on("up"), detail: changed},
		{name: "preview", args: on(append([]string{"preview"}, azure...)...), detail: toChange},
		{name: "promote", args: on("promote", "--to", targetAzure, "--simulate"), detail: promoted},
		{name: "status", args: on(append([]string{"status"}, azure...)...), detail: healthy},
		{name: "unchanged", args: on(append([]string{"up"}, azure...)...), detail: changed},
		{name: "change", args: on("up"), variable: true, changed: true, detail: changed, must: mustChange(d)},
		{name: "promote it", args: on("promote", "--to", targetAzure, "--simulate"), variable: true, changed: true, detail: promoted, must: changes},
		{name: "see it", args: on(append([]string{"preview"}, azure...)...), variable: true, detail: undone, must: undoes},
		{name: "down", args: on(append([]string{"down"}, azure...)...), always: true, detail: removed},
		{name: "leftovers", args: append([]string{"gc", "--dry-run"}, azure...), always: true, detail: nothingLeft},
		{name: "down here", args: on("down"), always: true, detail: removed},
	}
	return slices.DeleteFunc(steps, func(s step) bool { return s.variable && len(d.Apps)+len(d.Jobs) == 0 })
}

// mustChange is what the change has to do here: a job is not there until it runs.
func mustChange(d *definition.Definition) func(rehearsed) error {
	if len(d.Apps) == 0 {
		return nil
	}
	return changes
}

// rehearsedVariable is what the change of a rehearsal sets.
const rehearsedVariable = "REHEARSED"

// change returns the definition with one more variable, in its first app or else
// its first job. It has every default and value written out.
func change(d *definition.Definition) ([]byte, error) {
	c := *d
	c.Apps, c.Jobs = maps.Clone(d.Apps), maps.Clone(d.Jobs)
	with := func(w definition.Workload) definition.Workload {
		if w.Env = maps.Clone(w.Env); w.Env == nil {
			w.Env = map[string]string{}
		}
		w.Env[rehearsedVariable] = "yes"
		return w
	}
	if apps := keys(c.Apps); len(apps) > 0 {
		app := c.Apps[apps[0]]
		app.Workload = with(app.Workload)
		c.Apps[apps[0]] = app
	} else if jobs := keys(c.Jobs); len(jobs) > 0 {
		job := c.Jobs[jobs[0]]
		job.Workload = with(job.Workload)
		c.Jobs[jobs[0]] = job
	}
	return definition.Marshal(&c)
}

// changes refuses a change that changed nothing.
func changes(r rehearsed) error {
	if r.Changes.Update+r.Changes.Replace == 0 {
		return fmt.Errorf("the variable %s changed nothing: %s", rehearsedVariable, changed(r))
	}
	return nil
}

// undoes holds that a preview of the unchanged definition would take the variable away.
func undoes(r rehearsed) error {
	if !bytes.Contains(r.Steps, []byte(rehearsedVariable)) {
		return fmt.Errorf("the variable %s is not there after it was promoted", rehearsedVariable)
	}
	return nil
}

// undone is what a preview of the unchanged definition says after the change.
func undone(r rehearsed) string {
	return fmt.Sprintf("%s is there: without it %d would be updated", rehearsedVariable, r.Changes.Update+r.Changes.Replace)
}

func changed(r rehearsed) string {
	c := r.Changes
	return fmt.Sprintf("%s: %d created, %d updated, %d replaced, %d unchanged", r.Result, c.Create, c.Update, c.Replace, c.Same)
}

func toChange(r rehearsed) string {
	c := r.Changes
	return fmt.Sprintf("%d to create, %d to update, %d to replace, %d unchanged", c.Create, c.Update, c.Replace, c.Same)
}

func promoted(r rehearsed) string {
	return fmt.Sprintf("%s: %d images by digest, %d created, %d updated", r.Result, len(r.Images), r.Changes.Create, r.Changes.Update)
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
	changed, err := change(d)
	if err != nil {
		return nil, err
	}
	p.printer.Notice(simulatedNotice)
	r := rehearser{program: p, self: self, file: source.file, changed: changed, state: filepath.Join(folder, "state")}
	document := output.NewRehearsal(d.Name, r.all(ctx, rehearsal(fmt.Sprintf("rehearsal-%d", os.Getpid()), d)))
	if document.Result == output.FindingFailed {
		return document, exitWith(statusFailed)
	}
	return document, nil
}

// command is what a user would type.
func (s step) command() string {
	text := "envctl " + strings.Join(s.args, " ")
	if s.changed {
		text += " -f -"
	}
	return text
}

// all runs the steps. After one that failed only those that clean up run; and those
// run after an interrupt, too.
func (r rehearser) all(ctx context.Context, steps []step) []output.RehearsalStep {
	var out []output.RehearsalStep
	failed := false
	for _, s := range steps {
		line := output.RehearsalStep{Name: s.name, Command: s.command(), State: output.FindingSkipped}
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
			r.program.printer.Notice(strings.TrimSpace(fmt.Sprintf("%s  %s (%.1f s)  %s", line.State, line.Name, line.Seconds, line.Detail)))
		}
		out = append(out, line)
	}
	return out
}
