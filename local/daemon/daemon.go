package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/envctl/envctl/local/flock"
)

const (
	startingFile = "starting"
	poll         = 10 * time.Millisecond
	patience     = 10 * time.Second
	// settle is how long a process that has the lock may take to write who it is. Until
	// then the file names its predecessor.
	settle = 200 * time.Millisecond
)

// Process is the background process of a folder.
type Process struct {
	Name string // in messages, as in "the local registry"
	Dir  string
	// Command is a program and arguments that call [Serve] for the folder.
	Command []string
	// Prepare is called by Start while nobody else starts or stops the process, before
	// it is looked for; nil: nothing is.
	Prepare func() error
	// Patience is how long the process may take to become ready, and to end once it is
	// told to; 0: 10 s.
	Patience time.Duration
}

// Start makes the process run by a mark and returns what it says of itself once it is
// ready. One that has another mark is ended first. The folder is made.
func (p *Process) Start(ctx context.Context, mark string) (Record, error) {
	release, err := p.hold(ctx, true)
	if err != nil {
		return Record{}, p.explain(err)
	}
	defer release()
	if p.Prepare != nil {
		if err := p.Prepare(); err != nil {
			return Record{}, p.explain(err)
		}
	}
	r, err := p.ensure(ctx, mark)
	return r, p.explain(err)
}

// ensure is Start by who holds the folder.
func (p *Process) ensure(ctx context.Context, mark string) (Record, error) {
	running, err := p.running()
	if err != nil {
		return Record{}, err
	}
	if running {
		r, err := p.await(ctx, nil)
		if err == nil && r.Mark == mark {
			return r, nil
		}
		if err != nil && !errors.Is(err, errEnded) && !errors.Is(err, errSlow) {
			return Record{}, err
		}
		if err := p.stop(ctx); err != nil {
			return Record{}, err
		}
	}
	return p.start(ctx)
}

// start starts the process and waits until it, or one that was quicker, is ready.
func (p *Process) start(ctx context.Context) (Record, error) {
	if err := p.forget(); err != nil {
		return Record{}, err
	}
	out, err := openOutput(p.Dir)
	if err != nil {
		return Record{}, err
	}
	defer out.Close()
	cmd := exec.Command(p.Command[0], p.Command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", out.File, out.File
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Record{}, fmt.Errorf("start it: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it outlives this process most times
	}()
	r, err := p.await(ctx, ended)
	switch {
	case errors.Is(err, errEnded):
		return Record{}, fmt.Errorf("it ended at once: %s", out.said())
	case errors.Is(err, errSlow):
		_ = cmd.Process.Kill() // unless it has ended
		return Record{}, fmt.Errorf("%w; it was killed and says: %s", err, out.said())
	}
	return r, err
}

// forget leaves of a dead one's record its address only, so that none is taken for the
// next one's.
func (p *Process) forget() error {
	f, err := flock.TryOpen(flock.Create(filepath.Join(p.Dir, recordFile)), flock.Exclusive)
	if f == nil {
		return err // nil: somebody has started one by hand meanwhile
	}
	defer f.Close()
	before, _ := readFrom(f)
	raw, err := Record{Address: before.Address, Starting: true}.encode()
	if err != nil {
		return err
	}
	return write(f, raw)
}

// Why [Process.await] returns without a process that is ready.
var (
	errEnded = errors.New("it ended")
	errSlow  = errors.New("it does not become ready")
)

// await returns what the process says once it is ready. It gives up where no process
// runs: at once, or, for one that was just started, when that has ended.
func (p *Process) await(ctx context.Context, ended <-chan struct{}) (Record, error) {
	over := ended == nil
	for began := time.Now(); ; {
		running, err := p.running()
		if err != nil {
			return Record{}, err
		}
		if r, ok := read(p.Dir); running && ok && r.PID != 0 && !r.Starting && (r.visible() || time.Since(began) > settle) {
			return r, nil
		}
		if over && !running {
			return Record{}, errEnded
		}
		if waited := p.patience(); time.Since(began) > waited {
			return Record{}, fmt.Errorf("%w within %s", errSlow, waited)
		}
		select {
		case <-ctx.Done():
			return Record{}, context.Cause(ctx)
		case <-ended:
			over, ended = true, nil // another process may have been quicker
		case <-time.After(poll):
		}
	}
}

// Find returns what the process says of itself; false where none runs. One that is
// being started runs.
func (p *Process) Find() (Record, bool, error) {
	running, err := p.running()
	if err != nil || !running {
		return Record{}, false, p.explain(err)
	}
	r, _ := read(p.Dir) // nothing, for an instant
	return r, true, nil
}

// Last returns what the folder's latest process said of itself, whether or not it
// lives; false where there was none.
func (p *Process) Last() (Record, bool) { return read(p.Dir) }

// running says whether a process has the folder's lock. A shared lock is enough to
// know, which needs no right to write, and does not fool another one that looks.
func (p *Process) running() (bool, error) {
	f, err := os.Open(filepath.Join(p.Dir, recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	free, err := flock.Try(f, flock.Shared)
	return !free, err
}

// Stop ends the process and returns when it is gone. None is no error.
func (p *Process) Stop(ctx context.Context) error { return p.held(ctx, p.stop) }

// Remove ends the process and removes the folder. None is no error.
func (p *Process) Remove(ctx context.Context) error {
	return p.held(ctx, func(ctx context.Context) error {
		if err := p.stop(ctx); err != nil {
			return err
		}
		return Discard(p.Dir)
	})
}

// Discard removes a folder whose process has ended or is this one. The file that
// starters wait for is the last to go; where one is there again, the folder stays.
func Discard(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.Name() != startingFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err == nil {
		err = os.RemoveAll(filepath.Join(dir, startingFile))
		_ = os.Remove(dir)
	}
	return err
}

// held runs act while nobody else starts or stops the process.
func (p *Process) held(ctx context.Context, act func(context.Context) error) error {
	release, err := p.hold(ctx, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return p.explain(err)
	}
	defer release()
	return p.explain(act(ctx))
}

// hold keeps others from starting or stopping the process. With create the folder is
// made; without, a missing one is fs.ErrNotExist.
func (p *Process) hold(ctx context.Context, create bool) (release func(), err error) {
	path := filepath.Join(p.Dir, startingFile)
	open := flock.Create(path)
	if create {
		open = flock.CreateAll(path)
	}
	f, err := flock.Open(ctx, open, flock.Exclusive, poll)
	if err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// stop is Stop by who holds the folder.
func (p *Process) stop(ctx context.Context) error {
	told := 0
	began := time.Now()
	for seen := began; ; {
		running, err := p.running()
		if err != nil || !running {
			return err
		}
		r, _ := read(p.Dir)
		visible := r.visible()
		if visible {
			seen = time.Now()
		}
		switch {
		case !visible && time.Since(seen) > p.patience():
			return fmt.Errorf("a process has locked the file %s that cannot be seen from here (the file names process %d): if it is in a container, end it there", recordFile, r.PID)
		case !visible: // it begins, mends its record, or has almost ended
		case r.PID == os.Getpid():
			return errors.New("a process cannot stop itself")
		case time.Since(began) > p.patience():
			_ = syscall.Kill(r.PID, syscall.SIGKILL)
		case r.PID != told:
			told = r.PID
			_ = syscall.Kill(r.PID, syscall.SIGTERM)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}

func (p *Process) patience() time.Duration {
	if p.Patience == 0 {
		return patience
	}
	return p.Patience
}

func (p *Process) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in %q: %w", p.Name, p.Dir, err)
}
