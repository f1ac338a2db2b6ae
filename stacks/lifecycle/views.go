package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
	"github.com/envctl/envctl/stacks/state"
)

// Status says how an experiment is now, against what was set up.
func (s *Service) Status(ctx context.Context, ref stacks.Ref) (stacks.Result, error) {
	r := s.begin("status", Request{Ref: ref})
	var err error
	if r.record, r.known, err = s.State.Load(ref); err != nil {
		return r.end("", err)
	}
	last, err := r.record.LastPlan()
	if err != nil || last == nil {
		return r.end(stacks.Absent, err)
	}
	if r.result.Expires, err = r.deadline(ctx); err != nil {
		return r.end("", err)
	}
	obs, err := s.Target.Observe(ctx, last)
	if err != nil {
		return r.end("", err)
	}
	r.result.Apps, r.result.Drift = obs.Apps, obs.Drift
	out, ok, err := s.outputs(ctx, ref)
	if ok {
		r.result.Outputs = &out
	}
	if r.record.Interrupted() {
		r.result.Warnings = append(r.result.Warnings, fmt.Sprintf(
			"the last operation, %s, did not end: `envctl up` or `envctl down` goes on from there", r.record.Last.Command))
	}
	return r.end(statusOf(obs), err)
}

// statusOf is the experiment in one word.
func statusOf(obs stacks.Observation) string {
	running := 0
	for _, a := range obs.Apps {
		if a.State == stacks.AppRunning {
			running++
		}
	}
	switch {
	case running == len(obs.Apps):
		return stacks.StatusRunning
	case running == 0:
		return stacks.StatusStopped
	}
	return stacks.StatusPartial
}

// Outputs returns the outputs of the last up; false where there is none.
func (s *Service) Outputs(ctx context.Context, ref stacks.Ref) (stacks.Outputs, bool, error) {
	return s.outputs(ctx, ref)
}

func (s *Service) outputs(ctx context.Context, ref stacks.Ref) (stacks.Outputs, bool, error) {
	raw, ok, err := s.Engine.Outputs(ctx, ref)
	if err != nil || !ok {
		return stacks.Outputs{}, ok, err
	}
	out, err := outputsOf(ref, raw)
	return out, err == nil, err
}

// outputsOf reads what the component put out.
func outputsOf(ref stacks.Ref, raw map[string]any) (out stacks.Outputs, err error) {
	text, err := json.Marshal(raw)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, fmt.Errorf("the outputs of %s are not what envctl writes: %w", ref, err)
	}
	return out, nil
}

// List returns every experiment that is recorded here, is in the state store or
// has objects on the target, sorted by name. An engine that does not answer
// makes states unknown, says why, and is no error. Where records are damaged the
// error is theirs, and the others are listed beside it.
func (s *Service) List(ctx context.Context) ([]stacks.Summary, error) {
	records, damaged := s.State.List()
	records, err := s.addShared(ctx, records)
	if err != nil {
		return nil, err
	}
	states, stateErr := s.Target.States(ctx)
	byRef := map[stacks.Ref]stacks.Summary{}
	for _, rec := range records {
		st, present := states[rec.Ref]
		byRef[rec.Ref] = summarize(rec, st, present, stateErr)
	}
	for ref, st := range states {
		if _, ok := byRef[ref]; !ok {
			byRef[ref] = summarize(state.Record{Ref: ref}, st, true, nil)
		}
	}
	out := make([]stacks.Summary, 0, len(byRef))
	for _, sum := range byRef {
		sum.Simulated = s.Simulated
		out = append(out, sum)
	}
	slices.SortFunc(out, stacks.Summary.Compare)
	return out, damaged
}

// addShared adds the stacks that other machines have recorded.
func (s *Service) addShared(ctx context.Context, records []state.Record) ([]state.Record, error) {
	if !s.Shared {
		return records, nil
	}
	refs, err := s.Engine.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if !slices.ContainsFunc(records, func(r state.Record) bool { return r.Ref == ref }) {
			records = append(records, state.Record{Ref: ref})
		}
	}
	return records, nil
}

// summarize is a record with what the target says; what is present and has no apps,
// as a platform, runs.
func summarize(rec state.Record, st stacks.State, present bool, err error) stacks.Summary {
	out := stacks.Summary{Ref: rec.Ref, Created: rec.Created, Expires: expiry.Deadline(rec, st), Apps: st.Apps}
	if out.Created.IsZero() {
		out.Created = st.Created
	}
	switch {
	case err != nil:
		out.State, out.Reason = stacks.StatusUnknown, err.Error()
	case rec.Interrupted():
		out.State = stacks.StatusInterrupted
	case st.Apps > 0 && st.Stopped > 0:
		out.State = stacks.StatusPartial
	case st.Apps > 0:
		out.State = stacks.StatusRunning
	case st.Stopped > 0:
		out.State = stacks.StatusStopped
	case present:
		out.State = stacks.StatusRunning
	default:
		out.State = stacks.StatusAbsent
	}
	return out
}
