package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Clean collects garbage. Where nothing is left, it stops the process and removes
// the folder.
func (s *Service) Clean(ctx context.Context) error {
	release, err := s.Store.hold(ctx, syscall.LOCK_EX, false)
	if missing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the local registry in %s: %w", s.Store.dir, err)
	}
	defer release()
	empty, err := s.Store.collect()
	if err != nil || !empty {
		return err
	}
	if err := s.Stop(ctx); err != nil {
		return err
	}
	return errors.Join(remove(s.Store.servingPath()), s.Store.discard())
}

// Stop ends the process and returns when it is gone. Content stays. A process that
// does not run is no error.
func (s *Service) Stop(ctx context.Context) error {
	told := 0
	for began := time.Now(); ; {
		running, err := s.Running()
		if err != nil || !running {
			return err
		}
		at, ok := s.Store.readServing()
		waited := time.Since(began)
		switch {
		case waited > settlePatience && ok && at.PID != 0:
			_ = syscall.Kill(at.PID, syscall.SIGKILL)
		case waited > settlePatience:
			return fmt.Errorf("the local registry in %s is being started and does not come up: end its process and try again", s.Store.dir)
		case ok && at.PID != 0 && at.PID != told:
			// The lock says that this process lives, so the number is still its own.
			told = at.PID
			if at.PID == os.Getpid() {
				return errors.New("a registry cannot stop its own process")
			}
			_ = syscall.Kill(at.PID, syscall.SIGTERM)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}
