package lifecycle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/state"
)

// Preview says what Up would do and changes nothing: no image is built or
// pulled, no lock is taken, nothing is written.
func (s *Service) Preview(ctx context.Context, req Request) (stacks.Result, error) {
	r := s.begin("preview", req)
	if err := r.refuse(); err != nil {
		return r.end("", err)
	}
	var err error
	if r.record, r.known, err = s.State.Load(req.Ref); err != nil {
		return r.end("", err)
	}
	if err := errors.Join(r.expire(), r.settle(ctx, true)); err != nil {
		return r.end("", err)
	}
	opts := stacks.Options{OnEvent: r.req.OnEvent, Refresh: r.known}
	steps, changes, err := s.Engine.Preview(ctx, req.Ref, components.Program(r.program), opts)
	r.result.Steps, r.result.Changes = steps, &changes
	return r.end(outcomeOf(changes, r.known), err)
}

// warnOfOther says that the experiment was brought up from a file in another folder,
// which is there still: one of the two may want a name of its own. Who has two files
// in one folder names one with --file, and knows.
func (r *run) warnOfOther() {
	before := r.record.File
	if before == "" || r.req.File == "" || filepath.Dir(before) == filepath.Dir(r.req.File) {
		return
	}
	if _, err := os.Stat(before); err != nil {
		return // it was moved
	}
	r.result.Warnings = append(r.result.Warnings, fmt.Sprintf(
		"%s was brought up from %s before and is now as %s says; another name, or --name, keeps two apart", r.req.Ref.Experiment, before, r.req.File))
}

// outcomeOf names what changes make of an experiment.
func outcomeOf(c stacks.Changes, known bool) string {
	switch {
	case !c.Any():
		return stacks.Unchanged
	case !known || c.Same+c.Update+c.Replace+c.Delete == 0:
		return stacks.Created
	}
	return stacks.Updated
}

// Up makes the experiment what the definition says. After a failure the record
// and the state hold what exists, and the same call goes on from there.
func (s *Service) Up(ctx context.Context, req Request) (stacks.Result, error) {
	r := s.begin("up", req)
	if err := r.refuse(); err != nil {
		return r.end("", err)
	}
	release, err := r.lock(ctx)
	if err != nil {
		return r.end("", err)
	}
	defer release()
	interrupted, before := r.record.Interrupted(), r.record
	if err := r.expire(); err != nil {
		return r.end("", err)
	}
	marked := r.markedBeside(ctx)
	r.warnOfOther()
	r.record.File, r.record.Definition = req.File, definition.Hash(req.Definition)
	recorded := func() error { return nil }
	if !r.known {
		// Images come first, and what is pulled for an experiment must be known as its own.
		recorded = r.startBeside()
	}
	outcome, done, err := r.apply(ctx, before, interrupted, recorded)
	if err == nil {
		var moved bool
		if moved, err = r.keepDeadline(ctx, marked); moved {
			done = false
		}
	}
	if done && err == nil {
		return r.end(outcome, nil)
	}
	return r.end(outcome, r.finish(err))
}

// start records that the operation began, so that a killed one is known as such.
func (r *run) start() error {
	r.record.Last, r.started = state.Started(r.result.Command, r.began), true
	return r.s.State.Save(r.record)
}

// startBeside is start beside what follows, which waits for it with the function
// that is returned: a write that has to reach the disk takes some 10 ms.
func (r *run) startBeside() (wait func() error) {
	r.record.Last, r.started = state.Started(r.result.Command, r.began), true
	saved := make(chan error, 1)
	go func(record state.Record) { saved <- r.s.State.Save(record) }(r.record)
	return sync.OnceValue(func() error { return <-saved })
}

// finish records how the operation ended; err is how. One that failed before it
// touched anything leaves the mark of a killed one before it.
func (r *run) finish(err error) error {
	switch {
	case r.started:
		r.record.Last = r.record.Last.Finished(r.s.Now(), err)
	case !r.record.Interrupted():
		r.record.Last = state.Started(r.result.Command, r.began).Finished(r.s.Now(), err)
	}
	return errors.Join(err, r.s.State.Save(r.record))
}

// apply settles the definition and makes it so. done says that everything was
// found as it is to be, so there is nothing to record either.
func (r *run) apply(
	ctx context.Context, before state.Record, interrupted bool, recorded func() error,
) (outcome string, done bool, err error) {
	err = r.makePlan(ctx, false)
	if err = errors.Join(err, recorded()); err != nil {
		return "", false, err
	}
	refresh, err := r.needsRefresh(ctx, interrupted)
	if err != nil {
		return "", false, err
	}
	if r.record.Plan, err = json.Marshal(r.plan); err != nil {
		return "", false, err
	}
	if !refresh && !interrupted && r.applied(before) {
		return stacks.Unchanged, true, nil
	}
	if err := r.makeReady(ctx, false); err != nil {
		return "", false, err
	}
	// From here on something can be half made, so a killed run must be known as such.
	// A first one is already; then the plan may be written beside it.
	r.record.Applied = nil
	known := r.started
	wait := r.startBeside()
	if !known {
		if err := wait(); err != nil {
			return "", false, err
		}
	}
	if interrupted {
		// What a killed run made and could not write down is adopted where the plan has it.
		if _, err := r.s.Target.Prune(ctx, r.plan); err != nil {
			return "", false, errors.Join(err, wait())
		}
	}
	outcome, done, err = r.setUp(ctx, refresh, r.known && before.Applied == nil)
	return outcome, done, errors.Join(err, wait())
}

// applied says whether this very plan was set up by this very build and nothing
// of it can have changed since: every object was just compared with it. The
// engine would only find the same once more.
func (r *run) applied(before state.Record) bool {
	a := before.Applied
	if a == nil || r.s.Program == "" || a.Program != r.s.Program || before.File != r.req.File ||
		!bytes.Equal(before.Plan, r.record.Plan) || givenSecrets(r.req.Definition) {
		return false
	}
	r.result.Outputs, r.result.Changes = &a.Outputs, &stacks.Changes{Same: a.Resources}
	return true
}

// givenSecrets says whether a secret's value comes from outside, where it may
// have changed; a plan has no values.
func givenSecrets(def *definition.Definition) bool {
	for _, s := range def.Secrets {
		if s.Generate == 0 {
			return true
		}
	}
	return false
}

// setUp runs the engine and records what came of it. With trim an operation before
// this one did not get through, and may have made what nobody knows of.
func (r *run) setUp(ctx context.Context, refresh, trim bool) (outcome string, done bool, err error) {
	var raw map[string]any
	err = r.phase("apply", func() (err error) {
		undo := r.begin(ctx)
		if raw, err = r.applyUntilDone(ctx, refresh); err != nil {
			err = errors.Join(err, undo(context.WithoutCancel(ctx)))
		}
		return err
	})
	if waiter, ok := r.s.Target.(stacks.Waiter); ok && err == nil {
		err = r.phase("health", func() error { return waiter.Await(ctx, r.plan, r.req.OnEvent) })
	}
	if err != nil {
		return "", false, err
	}
	if trimmer, ok := r.s.Target.(stacks.Trimmer); ok && trim {
		if err := r.trim(ctx, trimmer); err != nil {
			return "", false, err
		}
	}
	for _, d := range r.drift {
		r.result.Warnings = append(r.result.Warnings, "mended: "+d.String())
	}
	out, err := outputsOf(r.req.Ref, raw)
	if err != nil {
		return "", false, err
	}
	c := *r.result.Changes
	r.result.Outputs = &out
	r.record.Applied = &state.Applied{
		Program: r.s.Program, Outputs: out, Resources: c.Create + c.Update + c.Replace + c.Same,
	}
	return outcomeOf(c, r.known), false, nil
}

// begin has the target begin where nothing of the experiment can be there yet.
func (r *run) begin(ctx context.Context) (undo func(context.Context) error) {
	if beginner, ok := r.s.Target.(stacks.Beginner); ok && !r.known {
		return beginner.Begin(ctx, r.plan)
	}
	return func(context.Context) error { return nil }
}

// trim removes what an operation made that did not get through, where the state does
// not have it. It comes last: until then the plan may adopt it.
func (r *run) trim(ctx context.Context, trimmer stacks.Trimmer) error {
	ids, err := r.s.Engine.IDs(ctx, r.req.Ref)
	if err != nil {
		return err
	}
	n, err := trimmer.Trim(ctx, r.plan, ids)
	r.result.Changes.Delete += n
	return err
}

// applyUntilDone runs the engine, again while the target says that what failed only
// needed time. The changes of every try count.
func (r *run) applyUntilDone(ctx context.Context, refresh bool) (map[string]any, error) {
	repeater, repeats := r.s.Target.(stacks.Repeater)
	for tries := 1; ; tries++ {
		outputs, changes, err := r.s.Engine.Up(ctx, r.req.Ref, components.Program(r.program),
			stacks.Options{Refresh: refresh, OnEvent: r.req.OnEvent})
		if before := r.result.Changes; tries > 1 && before != nil {
			changes.Create += before.Create
			changes.Update += before.Update
			changes.Replace += before.Replace
			changes.Delete += before.Delete
			changes.Same = max(0, changes.Same-before.Create-before.Update-before.Replace)
		}
		r.result.Changes = &changes
		if err == nil || !repeats || ctx.Err() != nil || !repeater.Again(ctx, r.plan, err, tries, r.req.OnEvent) {
			return outputs, err
		}
		refresh = true
	}
}

// needsRefresh says whether the target may differ from the recorded state: after
// a killed operation, or when a look at the last plan's objects finds a
// difference. Reading every resource for nothing would double an unchanged up.
func (r *run) needsRefresh(ctx context.Context, interrupted bool) (bool, error) {
	last, err := r.record.LastPlan()
	if err != nil || last == nil || interrupted {
		return r.known, err
	}
	obs, err := r.s.Target.Observe(ctx, last)
	if err != nil {
		return false, err
	}
	if r.record.Applied != nil { // else what is missing was never made
		r.drift = obs.Drift
	}
	return !obs.Sound() || moved(obs, r.record.Applied), nil
}

// moved says whether an app answers somewhere else than recorded: an engine gives
// out a new port when a container is started again.
func moved(obs stacks.Observation, recorded *state.Applied) bool {
	for _, app := range obs.Apps {
		if recorded == nil || app.URL != recorded.Outputs.Apps[app.Name].URL {
			return true
		}
	}
	return false
}
