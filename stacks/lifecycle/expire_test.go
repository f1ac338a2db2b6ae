package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
	"github.com/envctl/envctl/stacks/lifecycle"
	"github.com/envctl/envctl/stacks/state"
)

// marked is a world that keeps a deadline which was moved.
type marked struct {
	*world
	deadline time.Time
	moved    bool
}

func (m *marked) Deadline(context.Context, stacks.Ref) (time.Time, bool, error) {
	return m.deadline, m.moved, m.fail["deadline"]
}

func (m *marked) SetDeadline(_ context.Context, _ stacks.Ref, deadline time.Time) error {
	m.deadline, m.moved = deadline, true
	return m.call("set-deadline")
}

func (m *marked) States(ctx context.Context) (map[stacks.Ref]stacks.State, error) {
	out, err := m.world.States(ctx)
	if st, ok := out[ref]; ok {
		st.Expires, st.Moved = m.deadline, m.moved
		out[ref] = st
	}
	return out, err
}

// clock is a service on a marked target whose time a test sets.
func clock(t *testing.T) (*lifecycle.Service, *marked, *time.Time) {
	t.Helper()
	m := &marked{world: &world{}}
	s := newService(t, m.world)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s.Target, s.Now = m, func() time.Time { return now }
	return s, m, &now
}

func TestExtendIsNotTakenBackByUp(t *testing.T) {
	t.Parallel()
	s, m, now := clock(t)
	req := request(t) // ttl: 1h
	made := *now
	first, err := s.Up(t.Context(), req)
	if err != nil || !first.Expires.Equal(made.Add(time.Hour)) || m.moved {
		t.Fatalf("first up: %v, moved %v, %v", first.Expires, m.moved, err)
	}
	*now = made.Add(30 * time.Minute)
	got, err := s.Extend(t.Context(), ref, expiry.Move{By: 2 * time.Hour})
	if err != nil || !got.Expires.Equal(made.Add(3*time.Hour)) || !m.deadline.Equal(got.Expires) || got.Result != stacks.Updated {
		t.Fatalf("extend: %+v, on the target %v, %v", got, m.deadline, err)
	}
	again, err := s.Up(t.Context(), req)
	if err != nil || !again.Expires.Equal(got.Expires) {
		t.Errorf("up after it: expires %v, want %v, %v", again.Expires, got.Expires, err)
	}
	// What the objects were made with stays, so none is replaced.
	rec, _, err := s.State.Load(ref)
	if err != nil {
		t.Fatal(err)
	}
	if last, err := rec.LastPlan(); err != nil || !last.Spec().Expires.Equal(made.Add(time.Hour)) {
		t.Errorf("the plan expires %v, want as it was made, %v", last.Spec().Expires, err)
	}
	if status, err := s.Status(t.Context(), ref); err != nil || !status.Expires.Equal(got.Expires) {
		t.Errorf("status: expires %v, %v", status.Expires, err)
	}
	if list, err := s.List(t.Context()); err != nil || !list[0].Expires.Equal(got.Expires) {
		t.Errorf("list: expires %v, %v", list[0].Expires, err)
	}
}

func TestAChangedTTLReplacesNothing(t *testing.T) {
	t.Parallel()
	s, m, now := clock(t)
	made := *now
	req := request(t)
	if _, err := s.Up(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	req.Definition.TTL = definition.Duration(5 * time.Hour)
	got, err := s.Up(t.Context(), req)
	if err != nil || !got.Expires.Equal(made.Add(5*time.Hour)) || !m.deadline.Equal(got.Expires) {
		t.Errorf("expires %v, on the target %v, %v", got.Expires, m.deadline, err)
	}
	rec, _, _ := s.State.Load(ref)
	if last, err := rec.LastPlan(); err != nil || !last.Spec().Expires.Equal(made.Add(time.Hour)) || !rec.Expires.Equal(got.Expires) {
		t.Errorf("the plan expires %v, the record %v, %v", last.Spec().Expires, rec.Expires, err)
	}
	m.calls = nil
	if _, err := s.Up(t.Context(), req); err != nil || slices.Contains(m.calls, "set-deadline") {
		t.Errorf("nothing changed: %v, %v", m.calls, err)
	}
	never := time.Duration(0)
	req.TTL = &never
	if got, err := s.Up(t.Context(), req); err != nil || !got.Expires.IsZero() || !m.moved || !m.deadline.IsZero() {
		t.Errorf("not to expire: %v, on the target %v, %v", got.Expires, m.deadline, err)
	}
}

func TestUpFindsTheDeadlineOfALostRecord(t *testing.T) {
	t.Parallel()
	s, m, now := clock(t)
	m.deadline, m.moved = now.Add(9*time.Hour), true
	got, err := s.Up(t.Context(), request(t))
	if err != nil || !got.Expires.Equal(now.Add(9*time.Hour)) {
		t.Errorf("expires %v, want what it was extended to, %v", got.Expires, err)
	}
	if rec, _, err := s.State.Load(ref); err != nil || !rec.Expires.Equal(got.Expires) || !rec.Moved {
		t.Errorf("record %+v, %v", rec, err)
	}
}

func TestExtendNeedsNoRecord(t *testing.T) {
	t.Parallel()
	s, m, now := clock(t)
	if _, err := s.Extend(t.Context(), ref, expiry.Move{Until: now.Add(time.Hour)}); !errors.As(err, new(*lifecycle.NotThereError)) {
		t.Errorf("of nothing: %v", err)
	}
	m.exists = true
	got, err := s.Extend(t.Context(), ref, expiry.Move{Until: now.Add(time.Hour)})
	if err != nil || !m.deadline.Equal(now.Add(time.Hour)) {
		t.Errorf("%+v, on the target %v, %v", got, m.deadline, err)
	}
	if _, known, _ := s.State.Load(ref); known {
		t.Error("it made a record of what is not this machine's")
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	s, m, now := clock(t)
	if got, err := s.Expire(t.Context(), lifecycle.Request{Ref: ref}); err != nil || got.Result != stacks.Absent {
		t.Errorf("of nothing: %v, %v", got.Result, err)
	}
	if _, err := s.Up(t.Context(), request(t)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Expire(t.Context(), lifecycle.Request{Ref: ref}); err != nil || got.Result != stacks.Unchanged {
		t.Errorf("too early: %v, %v", got.Result, err)
	}
	*now = now.Add(time.Hour)
	held, err := s.State.Lock(t.Context(), ref, state.LockOptions{Command: "envctl up"})
	if err != nil {
		t.Fatal(err)
	}
	s.LockWait = time.Minute // which is for others
	if _, err := s.Expire(t.Context(), lifecycle.Request{Ref: ref}); !errors.As(err, new(*state.HeldError)) {
		t.Errorf("while somebody works on it: %v", err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Expire(t.Context(), lifecycle.Request{Ref: ref}); err != nil || got.Result != stacks.Destroyed || m.exists {
		t.Errorf("%v, still there: %v, %v", got.Result, m.exists, err)
	}
	m.exists, m.deadline, m.moved = true, now.Add(-time.Second), true // of another machine's record
	m.calls = nil
	if got, err := s.Expire(t.Context(), lifecycle.Request{Ref: ref}); err != nil || got.Result != stacks.Destroyed || !slices.Contains(m.calls, "sweep") {
		t.Errorf("by labels alone: %v, %v, %v", got.Result, m.calls, err)
	}
}
