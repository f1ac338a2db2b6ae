package docker

import (
	"context"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// ExecOptions is a command to run in a container that runs.
type ExecOptions struct {
	Cmd     []string
	Env     []string // NAME=VALUE, beside the container's own
	User    string   // "": the container's
	WorkDir string   // "": the container's
	TTY     bool     // the caller puts its own terminal in raw mode
	Streams
	// Resize gives the terminal's size, first and whenever it changes. It may
	// be nil, and it is not read after Exec has returned.
	Resize <-chan Size
}

// Exec runs a command and returns its exit status. When ctx ends, Exec returns
// its cause; the engine has no way to end the command, which stays.
func (e *Engine) Exec(ctx context.Context, nameOrID string, o ExecOptions) (int, error) {
	made, err := e.api.ExecCreate(ctx, nameOrID, client.ExecCreateOptions{
		User: o.User, TTY: o.TTY, Env: o.Env, WorkingDir: o.WorkDir, Cmd: o.Cmd,
		AttachStdin: o.Stdin != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, unprepared(err, nameOrID, o.Cmd)
	}
	conn, err := e.api.ExecAttach(ctx, made.ID, client.ExecAttachOptions{TTY: o.TTY})
	if err != nil {
		return 0, fmt.Errorf("start %q in %q: %w", o.Cmd, nameOrID, err)
	}
	if o.TTY && o.Resize != nil {
		done := make(chan struct{})
		defer close(done)
		go e.resize(ctx, made.ID, o.Resize, done)
	}
	if err := o.pump(ctx, conn.HijackedResponse, o.TTY); err != nil {
		return 0, err
	}
	return e.execStatus(ctx, made.ID)
}

// unprepared says why a command cannot be run in a container.
func unprepared(err error, nameOrID string, cmd []string) error {
	switch {
	case cerrdefs.IsNotFound(err):
		return fmt.Errorf("there is no container %q to run a command in: %w", nameOrID, err)
	case cerrdefs.IsConflict(err):
		return fmt.Errorf("container %q does not run, so no command can be run in it: %w", nameOrID, err)
	}
	return fmt.Errorf("prepare %q in %q: %w", cmd, nameOrID, err)
}

func (e *Engine) resize(ctx context.Context, id string, sizes <-chan Size, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case size, ok := <-sizes:
			if !ok {
				return
			}
			// One that ended meanwhile has no terminal to resize.
			_, _ = e.api.ExecResize(ctx, id, client.ExecResizeOptions{Height: size.Height, Width: size.Width})
		}
	}
}

// execStatus waits for the exit status, which the engine knows a moment after
// the streams have ended.
func (e *Engine) execStatus(ctx context.Context, id string) (int, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		state, err := e.api.ExecInspect(ctx, id, client.ExecInspectOptions{})
		if err != nil {
			return 0, fmt.Errorf("read the command's exit status: %w", err)
		}
		if !state.Running {
			return state.ExitCode, nil
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}
