package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
)

// pollInit is how often an init container is looked at.
const pollInit = 50 * time.Millisecond

// runInit runs an init container to its end, unless it has succeeded already; the
// engine runs it again while it fails. It waits for one that another process
// started.
func (r *Runner) runInit(ctx context.Context, p place, name, title string) error {
	if err := r.startOnce(ctx, p, name); err != nil {
		return err
	}
	for {
		found, ok, err := r.engine.Inspect(ctx, name)
		if err != nil {
			return err
		}
		if !ok || found.State == nil {
			return &failure{"Removed", fmt.Sprintf("its init container %q was removed while it ran", title)}
		}
		if !found.State.Running && !found.State.Restarting && found.State.Status != container.StateCreated {
			return initEnd(title, found.State)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollInit):
		}
	}
}

func initEnd(title string, s *container.State) error {
	if s.ExitCode == 0 && s.Error == "" {
		return nil
	}
	return &failure{"InitContainerFailed", fmt.Sprintf("its init container %q ended with %s after %d further tries", title, ending(s), initRetries)}
}

// startOnce starts a container that was never started: one that has ended would run
// again.
func (r *Runner) startOnce(ctx context.Context, p place, name string) error {
	unlock, err := r.lock(ctx, p.id)
	if err != nil {
		return err
	}
	defer unlock()
	found, ok, err := r.engine.Inspect(ctx, name)
	if err != nil || !ok || found.State == nil || found.State.Status != container.StateCreated {
		return err
	}
	return r.start(ctx, name)
}

// What the engine's init, which starts every program, ends with where it cannot.
const (
	notExecutable = 126
	notFound      = 127
)

// ending says in words how a program ended.
func ending(s *container.State) string {
	switch {
	case s.OOMKilled:
		return fmt.Sprintf("status %d, out of memory", s.ExitCode)
	case s.Error != "":
		return fmt.Sprintf("status %d: %s", s.ExitCode, oneLine(s.Error))
	case s.ExitCode == notExecutable:
		return "status 126: its command cannot be executed"
	case s.ExitCode == notFound:
		return "status 127: its command does not exist"
	case s.ExitCode > 128:
		return fmt.Sprintf("status %d, killed by signal %d", s.ExitCode, s.ExitCode-128)
	}
	return fmt.Sprintf("status %d", s.ExitCode)
}
