package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// watch waits for what a gateway says of one container of an app.
type watch struct {
	log gatewayLog
	app string
	// made is when that container was made, or its run before this one ended: a
	// good word before is of another run. One between made and started is of this
	// run, for the engine notes a start after the program began.
	made time.Time
	// started is when the engine noted the start: a bad word before says only that
	// the app was away.
	started time.Time
}

// ofContainer sets the times from what the engine says of the container.
func (w *watch) ofContainer(created string, s *container.State) error {
	ended, err := latestRun(s)
	if err != nil {
		return err
	}
	if w.made, err = time.Parse(time.RFC3339Nano, created); err != nil {
		return fmt.Errorf("the engine says %q of when a container was made: %w", created, err)
	}
	if w.started, err = time.Parse(time.RFC3339Nano, s.StartedAt); err != nil {
		return fmt.Errorf("the engine says %q of when a container started: %w", s.StartedAt, err)
	}
	if ended.After(w.made) {
		w.made = ended
	}
	// As exact as the time of an event.
	w.made, w.started = w.made.Truncate(time.Millisecond), w.started.Truncate(time.Millisecond)
	return nil
}

// errDecided ends a watch that has its answer: the app is healthy.
var errDecided = errors.New("decided")

// lookAgain is the pause between two readings of what the gateway said so far.
const lookAgain = 500 * time.Millisecond

// wait returns nil once the app is healthy, and a [*gateway.NotReady] once it
// never came up. It listens, and it reads again from time to time: an engine of
// 20.10 that is asked to follow a log while lines are written to it keeps the
// last ones back until another is written, which may be never.
func (w watch) wait(ctx context.Context) error {
	seen, err := w.read(ctx, true)
	if err == nil {
		group, gctx := errgroup.WithContext(ctx)
		group.Go(func() error { return w.listen(gctx, seen) })
		group.Go(func() error { return w.reread(gctx) })
		err = group.Wait()
	}
	switch {
	case errors.Is(err, errDecided):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// read judges the latest that the gateway said of the app, and wakes it where
// that is of another run, for it speaks only when something changes. One that
// began to look for the app before the container was made gets a moment: most
// often it is the first. It returns how often the gateway spoke of the app.
func (w watch) read(ctx context.Context, first bool) (seen int, err error) {
	var last protocol.Event
	err = w.log.events(ctx, func(e protocol.Event) {
		if e.Event == protocol.EventHealth && e.App == w.app {
			last, seen = e, seen+1
		}
	})
	if cerrdefs.IsNotFound(err) {
		return 0, nil // the gateway does not run yet
	}
	if err != nil || seen == 0 {
		return seen, err
	}
	if err := w.judge(last); err != nil {
		return seen, err
	}
	if last.State != protocol.StateStarting || last.Time.Before(w.made) && !first {
		w.wake(ctx)
	}
	return seen, nil
}

// reread reads until there is an answer.
func (w watch) reread(ctx context.Context) error {
	for {
		if !pause(ctx, lookAgain) {
			return context.Cause(ctx)
		}
		if _, err := w.read(ctx, false); err != nil {
			return err
		}
	}
}

// listen follows the gateway's log, and leaves out the events of the app that
// were read before: the latest counts. Where the gateway ends, it is read again.
func (w watch) listen(ctx context.Context, skip int) error {
	source := w.log
	source.follow = true
	err := gateway.Follow(ctx, source, func(e protocol.Event) error {
		if e.Event != protocol.EventHealth || e.App != w.app {
			return nil
		}
		if skip--; skip >= 0 {
			return nil
		}
		return w.judge(e)
	})
	if errors.Is(err, gateway.ErrStopped) {
		return nil
	}
	return err
}

// judge says what an event means for the container: errDecided, an error, or
// nothing yet. An app that is unhealthy was healthy before: in another run, or
// some time ago, so it is given its time to start once more.
func (w watch) judge(e protocol.Event) error {
	switch {
	case e.Event != protocol.EventHealth || e.App != w.app:
	case e.State == protocol.StateHealthy && !e.Time.Before(w.made):
		return errDecided
	case e.State == protocol.StateNeverUp && !e.Time.Before(w.started):
		return &gateway.NotReady{App: e.App, State: e.State, Reason: e.Reason}
	}
	return nil
}

// wake has the gateway check every app anew. One that ends at this moment starts
// anew by itself, so what becomes of the signal does not matter.
func (w watch) wake(ctx context.Context) {
	_, _ = w.log.engine.Client().ContainerKill(ctx, w.log.container, client.ContainerKillOptions{Signal: "HUP"})
}

// pause waits and says whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
