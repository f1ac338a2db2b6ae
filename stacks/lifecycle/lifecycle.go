// Package lifecycle takes one experiment through its life: preview, up, down,
// and the views of it. It holds the order in which definition, policies, lock,
// record, images, plan, engine and target come, and what is left after a failure
// at each point; everything it touches comes in through [Service].
package lifecycle

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/state"
)

// Service operates experiments on one target.
type Service struct {
	Target stacks.Target
	Engine stacks.Engine
	State  *state.Dir
	// Judge applies the policies in force: what is worth a warning, and an error
	// where the definition is refused.
	Judge func(*definition.Definition) (warnings []string, err error)
	// Getenv is the caller's environment, for the values of secrets.
	Getenv func(string) string
	// Now is the clock.
	Now func() time.Time
	// Program names this build of envctl. What another build set up is gone over
	// again in full, since it may have made it differently; empty: always.
	Program string
	// Shared says that other machines keep stacks in the same state store, so
	// List asks it and not the records of this machine alone.
	Shared bool
	// Simulated says that a simulator stands for the target, which every result says.
	Simulated bool
	// LockWait is how long an operation waits for another one on the same
	// experiment before it gives up.
	LockWait time.Duration
	// Late is how long a target may still make what a killed command asked it for: an
	// engine whose client is gone finishes the image that it writes. Down after such a
	// command looks again when it has passed.
	Late time.Duration
}

// Request is one operation on one experiment.
type Request struct {
	// Definition is nil for a Down of an experiment that is given by name.
	Definition *definition.Definition
	File       string // that Definition was read from; empty: stdin
	Ref        stacks.Ref
	TTL        *time.Duration // nil: as in the definition; 0: does not expire
	KeepData   bool           // Down leaves volumes and images
	Yes        bool           // changes that need to be confirmed are
	OnEvent    func(stacks.Event)
}

// run is one operation under way.
type run struct {
	s       *Service
	req     Request
	began   time.Time
	result  stacks.Result
	record  state.Record
	known   bool // a record was there
	started bool // the record says that this operation began
	killed  bool // the command before this one was, and kept its lock
	plan    *plan.Plan
	secrets map[string]components.SecretSource
	program components.ExperimentArgs
	drift   []stacks.Drift // found before an up, which mends it
	made    time.Time      // what the labels of the objects say of their expiry
	wait    time.Duration  // for another operation on the same experiment
}

func (s *Service) begin(command string, req Request) *run {
	if req.OnEvent == nil {
		req.OnEvent = func(stacks.Event) {}
	}
	return &run{s: s, req: req, began: s.Now(), wait: s.LockWait, result: stacks.Result{
		SchemaVersion: stacks.SchemaVersion, Command: command, Ref: req.Ref, Simulated: s.Simulated, Result: stacks.Failed, Warnings: []string{},
	}}
}

// end completes the result.
func (r *run) end(outcome string, err error) (stacks.Result, error) {
	r.result.Seconds = r.s.Now().Sub(r.began).Seconds()
	if err == nil {
		r.result.Result = outcome
	}
	return r.result, err
}

// phase reports the beginning and end of a named phase around fn.
func (r *run) phase(name string, fn func() error) error {
	start := r.s.Now()
	r.req.OnEvent(stacks.Event{Time: start, Type: stacks.EventPhase, Phase: name, State: stacks.StateRunning})
	err := fn()
	ev := stacks.Event{Time: r.s.Now(), Type: stacks.EventPhase, Phase: name, State: stacks.StateDone,
		Seconds: r.s.Now().Sub(start).Seconds()}
	if err != nil {
		ev.State = stacks.StateFailed
	}
	r.req.OnEvent(ev)
	return err
}

// lock holds the experiment for this operation, and reads its record.
func (r *run) lock(ctx context.Context) (release func(), err error) {
	held, err := r.s.State.Lock(ctx, r.req.Ref, state.LockOptions{
		Command: "envctl " + r.result.Command, Wait: r.wait,
		OnWait: func(h state.Holder) {
			r.req.OnEvent(stacks.Event{Time: r.s.Now(), Type: stacks.EventLog, Severity: "info",
				Message: fmt.Sprintf("waiting for %s", h)})
		},
	})
	if err != nil {
		return nil, err
	}
	if r.record, r.known, err = r.s.State.Load(r.req.Ref); err != nil {
		_ = held.Release()
		return nil, err
	}
	r.killed = held.Killed
	return func() { _ = held.Release() }, nil
}

// refuse checks what needs neither lock nor engine.
func (r *run) refuse() error {
	def := r.req.Definition
	if problems := r.s.Target.Unsupported(def); len(problems) > 0 {
		for i := range problems {
			problems[i].File = filepath.Base(r.req.File)
		}
		return definition.Problems(problems)
	}
	warnings, err := r.s.Judge(def)
	r.result.Warnings = append(r.result.Warnings, warnings...)
	if err != nil {
		r.result.Result = stacks.Refused
	}
	return err
}

// settle turns the definition into a plan and makes ready what sets it up.
func (r *run) settle(ctx context.Context, dryRun bool) error {
	if err := r.makePlan(ctx, dryRun); err != nil {
		return err
	}
	return r.makeReady(ctx, dryRun)
}

// makePlan turns the definition into a plan. Secrets are looked for first: nothing
// need be built where one has no value.
func (r *run) makePlan(ctx context.Context, dryRun bool) (err error) {
	def := r.req.Definition
	if r.secrets, err = SecretSources(def, r.s.Getenv); err != nil {
		return err
	}
	var found map[string]plan.Image
	err = r.phase("images", func() (err error) {
		found, err = r.s.Target.Prepare(ctx, stacks.Preparation{
			Definition: def, Ref: r.req.Ref, Pulled: r.record.HasPulled, DryRun: dryRun, OnEvent: r.req.OnEvent,
		})
		return err
	})
	if err != nil {
		return err
	}
	for _, img := range found {
		if img.Build == nil && !img.Keep {
			r.record.AddPulled(img.Ref)
		}
	}
	r.plan, err = plan.New(def, plan.Options{
		Instance: r.req.Ref.Instance, Target: r.req.Ref.Target, Expires: r.made, Images: found,
	})
	return err
}

// makeReady makes ready what sets the plan up.
func (r *run) makeReady(ctx context.Context, dryRun bool) error {
	target, err := r.s.Target.Component(ctx, r.plan, dryRun)
	if err != nil {
		return err
	}
	r.program = components.ExperimentArgs{Plan: r.plan, Target: target, Secrets: r.secrets}
	return nil
}
