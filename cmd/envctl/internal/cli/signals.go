package cli

import (
	"context"
	"errors"
	"os"
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// Interruptible returns a context that the first signal ends, so that the
// operation stops in good order. The second signal calls exit at once.
func Interruptible(ctx context.Context, signals <-chan os.Signal, exit func(status int)) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		exit(statusInterrupted)
	}()
	return ctx
}

// interrupted says that a signal ended ctx.
func interrupted(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errInterrupted) }
