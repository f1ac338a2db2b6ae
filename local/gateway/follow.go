package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// LogSource gives the output of one gateway container.
type LogSource interface {
	// Logs returns the standard output of the container since its latest start,
	// from the first line on, following it until the container ends. It has no
	// stream framing. Cancelling ctx ends a blocked Read.
	Logs(ctx context.Context) (io.ReadCloser, error)
}

// ErrStopped says that a gateway's output ended while it was still needed.
var ErrStopped = errors.New("the gateway container has stopped")

// NotReady is the error of an app that is not healthy when it should be.
type NotReady struct {
	App    string
	State  protocol.State // unhealthy or never-up
	Reason string         // the last check: what was tried and what came of it
}

// Error implements error.
func (e *NotReady) Error() string {
	if e.State == protocol.StateNeverUp {
		return "app " + strconv.Quote(e.App) + " did not become healthy in its time to start (" + e.Reason + ")"
	}
	return "app " + strconv.Quote(e.App) + " became unhealthy (" + e.Reason + ")"
}

// Follow calls handle with each event of the gateway until handle returns an
// error, which Follow returns, ctx ends, or the output ends ([ErrStopped], with
// the gateway's own reason where it gave one).
func Follow(ctx context.Context, source LogSource, handle func(protocol.Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	logs, err := source.Logs(ctx)
	if err != nil {
		return fmt.Errorf("output of the gateway: %w", err)
	}
	defer logs.Close()
	defer context.AfterFunc(ctx, func() { _ = logs.Close() })()

	reader, last := protocol.NewReader(logs), ""
	for {
		event, err := reader.Next()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return stopped(last)
		case err != nil:
			return fmt.Errorf("output of the gateway: %w", err)
		}
		if event.Event == protocol.EventStop {
			last = event.Reason
		}
		if err := handle(event); err != nil {
			return err
		}
	}
}

func stopped(reason string) error {
	if reason == "" {
		return ErrStopped
	}
	return fmt.Errorf("%w: %s", ErrStopped, reason)
}

// errDone ends Follow when there is nothing more to wait for.
var errDone = errors.New("done")

// WaitHealthy returns nil as soon as each of apps has been reported healthy, and
// a [*NotReady] as soon as one of them is unhealthy or never up. An app whose
// container does not run is starting for as long as that lasts: an app's time to
// start begins when its name resolves, so the caller watches for containers that
// end, and bounds the wait with ctx.
func WaitHealthy(ctx context.Context, source LogSource, apps ...string) error {
	waiting := make(map[string]bool, len(apps))
	for _, app := range apps {
		waiting[app] = true
	}
	if len(waiting) == 0 {
		return nil
	}
	err := Follow(ctx, source, func(e protocol.Event) error {
		if e.Event != protocol.EventHealth || !waiting[e.App] {
			return nil
		}
		switch e.State {
		case protocol.StateHealthy:
			delete(waiting, e.App)
		case protocol.StateUnhealthy, protocol.StateNeverUp:
			return &NotReady{App: e.App, State: e.State, Reason: e.Reason}
		}
		if len(waiting) == 0 {
			return errDone
		}
		return nil
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}
