package runner

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/envctl/envctl/local/flock"
)

// pollLock is how often a held lock is tried again.
const pollLock = 10 * time.Millisecond

// lock keeps other goroutines and processes with the same folder from what name
// stands for.
func (r *Runner) lock(ctx context.Context, name string) (unlock func(), err error) {
	path := filepath.Join(r.dir, short(name)+".lock")
	f, err := flock.Open(ctx, flock.Create(path), flock.Exclusive, pollLock)
	if err != nil {
		return nil, fmt.Errorf("lock of the runner: %w", err)
	}
	return func() { _ = f.Close() }, nil // nothing was written
}
