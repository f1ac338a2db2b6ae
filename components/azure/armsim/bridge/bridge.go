// Package bridge is the background process of a simulator's folder: between two
// commands nothing of the simulator runs, while the apps that it started go on and ask
// for tokens and models. [Process.Ensure] starts the process or finds it, and [Serve]
// is what runs in it. It opens no port. Its own folder is bridge/ of the simulator's
// (package daemon).
package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/envctl/envctl/local/daemon"
)

// look is how often the process looks whether its folder is still there.
const look = time.Second

// Process is the background process of one simulator.
type Process struct {
	Dir string // the simulator's
	// Command is a program and arguments that run [Serve] for the folder.
	Command []string
}

func folder(dir string) string { return filepath.Join(dir, "bridge") }

func (p *Process) process() *daemon.Process {
	return &daemon.Process{Name: "the simulator's background process", Dir: folder(p.Dir), Command: p.Command}
}

// Ensure makes the process run, of this very program: another version of it is ended.
func (p *Process) Ensure(ctx context.Context) error {
	mark, err := markOf(p.Command[0])
	if err != nil {
		return err
	}
	_, err = p.process().Start(ctx, mark)
	return err
}

// Running says whether the process runs.
func (p *Process) Running() (bool, error) {
	_, running, err := p.process().Find()
	return running, err
}

// End ends the process and returns when it is gone. None is no error.
func (p *Process) End(ctx context.Context) error { return p.process().Stop(ctx) }

// Serve runs work as the process of a simulator's folder, until that ends, ctx does, or
// the folder is removed. Work calls ready when it answers. Where another process does
// it already, it returns nil at once.
func Serve(ctx context.Context, dir string, work func(ctx context.Context, ready func() error) error) error {
	if err := os.MkdirAll(folder(dir), 0o700); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	mark, err := markOf(self)
	if err != nil {
		return err
	}
	err = daemon.Serve(ctx, folder(dir), func(ctx context.Context, serving *daemon.Serving) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		return work(ctx, func() error {
			if err := serving.Ready("", mark); err != nil {
				return err
			}
			go func() { cancel(serving.Watch(ctx, look, nil)) }()
			return nil
		})
	})
	if other := (*daemon.ServedError)(nil); errors.As(err, &other) {
		return nil
	}
	return err
}

// markOf tells versions of a program apart.
func markOf(program string) (string, error) {
	info, err := os.Stat(program)
	if err != nil {
		return "", fmt.Errorf("this program: %w", err)
	}
	return fmt.Sprintf("%s %d %d", program, info.Size(), info.ModTime().UnixNano()), nil
}
