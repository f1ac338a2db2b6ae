package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local/containment"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/lifecycle"
)

func (l *localServices) Expire(ctx context.Context, r Request) (stacks.Result, error) {
	return l.Service.Expire(ctx, lifecycle.Request(r))
}

// Orphans lists what owners left that are no more, runs of the containment suite
// among them, and runs and boxes whose time is over.
func (l *localServices) Orphans(ctx context.Context) ([]Leftover, error) {
	now := time.Now()
	found, err := l.target.Orphans(ctx, true, now)
	out := make([]Leftover, 0, len(found))
	for _, o := range found {
		reason := output.OwnerGone
		if !o.Expires.IsZero() {
			reason = output.Expired
		}
		out = append(out, Leftover{
			Leftover: output.Leftover{Kind: o.Kind, Name: o.Name, Owner: o.Owner, Reason: reason, Expires: o.Expires, AgeSeconds: seconds(now, o.Created)},
			Remove:   func(ctx context.Context) error { return l.target.RemoveOrphan(ctx, o) },
		})
	}
	runs, runsErr := containment.Left(ctx, l.target.Engine)
	for _, r := range runs {
		out = append(out, Leftover{
			Leftover: output.Leftover{Kind: "containment", Name: r.Run, Owner: r.Owner, Reason: output.OwnerGone, AgeSeconds: seconds(now, r.Made)},
			Remove:   func(ctx context.Context) error { return r.Remove(ctx, l.target.Engine) },
		})
	}
	return out, errors.Join(err, runsErr)
}

// reapGrace is how long a command waits at its end for what it removes beside its
// work: the engine takes some 0.3 s for a container. What is left goes next time.
const reapGrace = 2 * time.Second

// reapBeside removes, beside what follows, what killed owners left. The function
// that is returned says what went wrong, which is no failure of the command.
func (l *localServices) reapBeside(ctx context.Context) (wait func() []string) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { _, err := l.target.Reap(ctx); done <- err }()
	return func() []string {
		defer cancel()
		timer := time.NewTimer(reapGrace)
		defer timer.Stop()
		select {
		case err := <-done:
			if err != nil && ctx.Err() == nil {
				return []string{fmt.Sprintf("what a killed command left is there still: %v", err)}
			}
		case <-timer.C:
		}
		return nil
	}
}
