package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
)

const (
	// pollFirst and pollSlowest are how often an app that starts is looked at.
	pollFirst   = 50 * time.Millisecond
	pollSlowest = 400 * time.Millisecond
	// slack is beyond an app's own time to start: the restarts of a program that
	// ends, with the engine's pauses, and a machine that has much to do.
	slack = time.Minute
)

// await returns when the app is ready or will never be.
func (r *Runner) await(ctx context.Context, spec run.Spec) (run.Status, error) {
	front, err := edgeOf(spec)
	if err != nil {
		return run.Status{}, err
	}
	limit := slack
	if front.Probe != nil {
		limit += time.Duration(front.Probe.Grace * float64(time.Second))
	}
	deadline, pace := time.Now().Add(limit), pollFirst
	for {
		st, err := r.status(ctx, spec.ID)
		switch {
		case err != nil:
			return run.Status{}, err
		case st.State == run.Gone:
			return run.Status{State: run.Failed, Reason: "Removed", Message: "it was removed while it started", Revision: spec.Revision}, nil
		case st.State != run.Starting:
			return st, nil
		case time.Now().After(deadline):
			st.State, st.Reason = run.Failed, "Timeout"
			st.Message = fmt.Sprintf("it is not ready after %s: %s", limit, st.Message)
			return st, nil
		}
		select {
		case <-ctx.Done():
			return run.Status{}, context.Cause(ctx)
		case <-time.After(pace):
		}
		pace = min(pace*5/4, pollSlowest)
	}
}
