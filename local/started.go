package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// GatewayError says that a gateway ended while it began: a port that it cannot
// have, or something that has to be refused and was let through.
type GatewayError struct{ Reason string }

func (e *GatewayError) Error() string {
	return "the gateway of the sandbox does not begin: " + e.Reason
}

// Hint says how to mend it.
func (*GatewayError) Hint() string {
	return "nothing was let out: no app that needs it was started. `envctl doctor` says what this engine lacks; `envctl down` removes what is there"
}

// errBegun ends a wait for a gateway.
var errBegun = errors.New("begun")

// waitBegun returns once a gateway serves everything that it was told to, and has
// seen that what must be refused is refused.
func waitBegun(ctx context.Context, log gatewayLog) error {
	for wait := 10 * time.Millisecond; ; wait = min(wait*2, lookAgain) {
		err := begun(ctx, log)
		if errors.Is(err, errBegun) {
			return nil
		}
		if err != nil {
			return err
		}
		if !pause(ctx, wait) {
			return fmt.Errorf("the gateway %s does not say that it began: %w", log.container, context.Cause(ctx))
		}
	}
}

// begun reads what a gateway said since its latest start: errBegun, why it ended, or
// nothing yet.
func begun(ctx context.Context, log gatewayLog) error {
	var answer error
	err := log.events(ctx, func(e protocol.Event) {
		switch e.Event {
		case protocol.EventStart:
			answer = errBegun
		case protocol.EventStop:
			answer = &GatewayError{Reason: e.Reason}
		}
	})
	switch {
	case cerrdefs.IsNotFound(err): // it does not run: not yet, or its last words say why
		return ended(ctx, log)
	case err != nil:
		return err
	}
	return answer
}

// ended says why a gateway's container is not running; nil while it may still come.
func ended(ctx context.Context, log gatewayLog) error {
	found, ok, err := log.engine.Inspect(ctx, log.container)
	if err != nil || !ok || found.State == nil || found.State.ExitCode == 0 || found.State.Running || found.State.Restarting {
		return err
	}
	return &GatewayError{Reason: fmt.Sprintf("it ended with exit status %d", found.State.ExitCode)}
}
