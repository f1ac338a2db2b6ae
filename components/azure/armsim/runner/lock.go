package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// pollLock is how often a held lock is tried again: flock(2) has no wait that a
// context could end.
const pollLock = 10 * time.Millisecond

// lock keeps other goroutines and processes with the same folder from what name
// stands for. The lock is the kernel's, so that of a killed process is gone.
func (r *Runner) lock(ctx context.Context, name string) (unlock func(), err error) {
	path := filepath.Join(r.dir, short(name)+".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a lock of the runner: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil // nothing was written
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(pollLock):
		}
	}
}
