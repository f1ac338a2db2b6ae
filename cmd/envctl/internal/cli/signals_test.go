package cli

import (
	"os"
	"syscall"
	"testing"
)

// The first signal must end the context and let the operation stop in good order;
// the second must exit at once.
func TestInterruptible(t *testing.T) {
	t.Parallel()
	signals, exited := make(chan os.Signal), make(chan int, 1)
	ctx := Interruptible(t.Context(), signals, func(status int) { exited <- status })
	if interrupted(ctx) || ctx.Err() != nil {
		t.Fatal("interrupted before the first signal")
	}
	signals <- os.Interrupt
	<-ctx.Done()
	if !interrupted(ctx) || len(exited) > 0 {
		t.Errorf("cause %v, exits %d", ctx.Err(), len(exited))
	}
	signals <- syscall.SIGTERM
	if status := <-exited; status != 130 {
		t.Errorf("exit status %d", status)
	}
}
