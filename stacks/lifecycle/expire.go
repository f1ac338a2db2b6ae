package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
)

// expire settles when the experiment expires: counted from its creation, so that
// a repeated up prolongs nothing, and not before what `extend` said.
func (r *run) expire() error {
	ttl, asked := time.Duration(r.req.Definition.TTL), r.req.TTL != nil
	if asked {
		ttl = *r.req.TTL
	}
	if !r.known {
		r.record.Ref, r.record.Created = r.req.Ref, r.began.UTC().Truncate(time.Second)
	}
	r.record.TTL = ttl
	r.record.Expires, r.record.Moved = expiry.Next(r.record, ttl, asked)
	r.made, r.result.Expires = r.record.Expires, r.record.Expires
	if _, ok := r.s.Target.(stacks.Marker); !ok {
		return nil
	}
	last, err := r.record.LastPlan()
	if last != nil {
		r.made = last.Spec().Expires // the objects stay as they were made
	}
	return err
}

// mark is what a target says of a deadline that was moved.
type mark struct {
	deadline time.Time
	moved    bool
	err      error
}

// markedBeside asks, beside what follows, for the deadline that an experiment was
// given whose record is gone.
func (r *run) markedBeside(ctx context.Context) <-chan mark {
	marker, ok := r.s.Target.(stacks.Marker)
	if r.known || !ok {
		return nil
	}
	out := make(chan mark, 1)
	go func() {
		var m mark
		m.deadline, m.moved, m.err = marker.Deadline(ctx, r.req.Ref)
		out <- m
	}()
	return out
}

// keepDeadline tells the target when the experiment expires, where it says
// something else, and whether it did not.
func (r *run) keepDeadline(ctx context.Context, marked <-chan mark) (moved bool, err error) {
	marker, ok := r.s.Target.(stacks.Marker)
	if !ok {
		return false, nil
	}
	kept := r.record.Kept
	if kept.IsZero() {
		kept = r.made // as the objects were labelled
	}
	if marked != nil {
		m := <-marked
		if m.err != nil {
			return false, m.err
		}
		if m.moved {
			kept = m.deadline
			r.remember(m.deadline)
		}
	}
	if kept.Equal(r.record.Expires) {
		return false, nil
	}
	if err := marker.SetDeadline(ctx, r.req.Ref, r.record.Expires); err != nil {
		return false, fmt.Errorf("note when the experiment expires: %w", err)
	}
	r.record.Kept = r.record.Expires
	return true, nil
}

// remember takes over a deadline that the record has lost, unless it has passed.
func (r *run) remember(deadline time.Time) {
	if !deadline.After(r.began) {
		return
	}
	lost := r.record
	lost.Expires, lost.Moved = deadline, true
	r.record.Expires, r.record.Moved = expiry.Next(lost, lost.TTL, r.req.TTL != nil)
	r.result.Expires = r.record.Expires
}

// deadline is when the experiment expires, by the record and the target.
func (r *run) deadline(ctx context.Context) (time.Time, error) {
	marker, ok := r.s.Target.(stacks.Marker)
	if !ok {
		return r.record.Expires, nil
	}
	deadline, moved, err := marker.Deadline(ctx, r.req.Ref)
	return expiry.Deadline(r.record, stacks.State{Expires: deadline, Moved: moved}), err
}

// NotThereError is an experiment that is to be extended and is not there.
type NotThereError struct{ Ref stacks.Ref }

func (e *NotThereError) Error() string {
	return fmt.Sprintf("%s (instance %s) is not there on %s, so it cannot be extended", e.Ref.Experiment, e.Ref.Instance, e.Ref.Target)
}

// Hint says how to mend it.
func (*NotThereError) Hint() string {
	return "see what is there with `envctl list`, or bring it up: envctl up --ttl 8h"
}

// Code is the error's name in JSON.
func (*NotThereError) Code() string { return "not-up" }

// Extend moves when an experiment expires. Nothing of it is changed or made anew,
// and it need not be recorded.
func (s *Service) Extend(ctx context.Context, ref stacks.Ref, move expiry.Move) (stacks.Result, error) {
	r := s.begin("extend", Request{Ref: ref})
	extender, ok := s.Target.(stacks.Extender)
	if !ok {
		return r.end("", fmt.Errorf("when something expires cannot be moved on %s", ref.Target))
	}
	release, err := r.lock(ctx)
	if err != nil {
		return r.end("", err)
	}
	defer release()
	st, present, err := r.onTarget(ctx)
	if err == nil && !present {
		err = &NotThereError{Ref: ref}
	}
	if err != nil {
		return r.end("", err)
	}
	created := r.record.Created
	if created.IsZero() {
		created = st.Created
	}
	deadline, err := move.To(expiry.Deadline(r.record, st), created, r.began)
	if err != nil {
		return r.end("", err)
	}
	if err := extender.SetDeadline(ctx, ref, deadline); err != nil {
		return r.end("", err)
	}
	r.result.Expires = deadline
	if r.known {
		r.record.Expires, r.record.Kept, r.record.Moved = deadline, deadline, true
		err = s.State.Save(r.record)
	}
	return r.end(stacks.Updated, err)
}

// Expire destroys an experiment where its time is over. One that somebody works on
// is left at once, which a [*state.HeldError] says, and one that was extended
// meanwhile too: its result is unchanged.
func (s *Service) Expire(ctx context.Context, req Request) (stacks.Result, error) {
	r := s.begin("down", req)
	r.wait = 0
	release, err := r.lock(ctx)
	if err != nil {
		return r.end("", err)
	}
	defer release()
	st, present, err := r.onTarget(ctx)
	if err != nil {
		return r.end("", err)
	}
	deadline := expiry.Deadline(r.record, st)
	switch {
	case !r.known && !present:
		return r.end(stacks.Absent, nil)
	case !expiry.Due(deadline, r.began):
		r.result.Expires = deadline
		return r.end(stacks.Unchanged, nil)
	}
	return r.down(ctx)
}

// onTarget is what the target has of the experiment.
func (r *run) onTarget(ctx context.Context) (stacks.State, bool, error) {
	states, err := r.s.Target.States(ctx)
	st, present := states[r.req.Ref]
	return st, present, err
}
