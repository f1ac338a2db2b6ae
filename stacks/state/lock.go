package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/envctl/envctl/local/flock"
	"github.com/envctl/envctl/stacks"
)

// Holder is who works on a stack.
type Holder struct {
	Process
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// String names the holder to people.
func (h Holder) String() string {
	if h.PID == 0 {
		return "another envctl"
	}
	return fmt.Sprintf("%q of %s on %s (process %d, since %s)", h.Command, h.User, h.Host, h.PID, h.Since.Local().Format(time.TimeOnly))
}

// HeldError says that another envctl works on the stack.
type HeldError struct {
	Ref    stacks.Ref
	Holder Holder
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s (instance %s, target %s) is in use by %s", e.Ref.Experiment, e.Ref.Instance, e.Ref.Target, e.Holder)
}

// Hint says how to mend it.
func (e *HeldError) Hint() string {
	if e.Holder.PID == 0 {
		return "wait for it to end; the lock goes with its process"
	}
	return fmt.Sprintf("wait for it to end, or end it with: kill %d; the lock goes with its process", e.Holder.PID)
}

// Code is the error's name in JSON.
func (*HeldError) Code() string { return "locked" }

// ExitStatus is that of a lock held by somebody else.
func (*HeldError) ExitStatus() int { return 5 }

// LockOptions tune [Dir.Lock].
type LockOptions struct {
	Command string        // of the holder, for others to see
	Wait    time.Duration // how long to wait; 0: not at all
	// OnWait is called when waiting begins, and again for each new holder; nil:
	// not wanted.
	OnWait func(Holder)
}

// Held is a lock that is held.
type Held struct {
	// Killed says that the holder before did not give the lock back.
	Killed  bool
	file    *os.File
	release sync.Once
	err     error
}

const (
	// pollLock is how often a held lock is tried again.
	pollLock = 50 * time.Millisecond
	// settleLock is how long a new holder may take to write who it is. Until then
	// the file names nobody, or an owner that was killed.
	settleLock = 200 * time.Millisecond
)

// Lock holds a stack for this process until Release or until the process ends:
// the lock is the kernel's (flock(2)), so that of a killed owner is gone with it.
// It excludes other holders in this process too. Where it is held and stays so
// for Wait, the error is a [*HeldError].
func (d *Dir) Lock(ctx context.Context, ref stacks.Ref, o LockOptions) (*Held, error) {
	name, err := stackName(ref)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(d.path, "locks", name+".lock")
	began := time.Now()
	var told Holder
	for {
		held, err := d.tryLock(path, o.Command)
		if held != nil || err != nil {
			return held, err
		}
		holder := readHolder(path)
		known := holder.PID != 0 && holder.Alive()
		waited := time.Since(began)
		if waited >= o.Wait && (known || waited >= settleLock) {
			if !known {
				holder = Holder{}
			}
			return nil, &HeldError{Ref: ref, Holder: holder}
		}
		if o.OnWait != nil && waited < o.Wait && known && holder != told {
			told = holder
			o.OnWait(holder)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pollLock):
		}
	}
}

// tryLock returns nil and no error where somebody else holds the lock.
func (d *Dir) tryLock(path, command string) (*Held, error) {
	f, err := flock.TryOpen(flock.Create(path), flock.Exclusive)
	if err != nil {
		return nil, &DirError{Path: d.path, Err: err}
	}
	if f == nil {
		return nil, nil
	}
	held := &Held{file: f, Killed: readHolder(path).PID != 0}
	if err := writeHolder(f, command); err != nil {
		return nil, &DirError{Path: d.path, Err: errors.Join(err, held.Release())}
	}
	return held, nil
}

func writeHolder(f *os.File, command string) error {
	raw, err := json.Marshal(Holder{Process: Self(), Command: command, Since: time.Now().UTC()})
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(raw, 0)
	return err
}

// readHolder returns the zero Holder where nobody is named, or only half.
func readHolder(path string) Holder {
	raw, err := os.ReadFile(path)
	var h Holder
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return Holder{}
	}
	return h
}

// Release gives the lock back and removes its file. Calling it again does
// nothing more.
func (h *Held) Release() error {
	h.release.Do(func() { h.err = errors.Join(os.Remove(h.file.Name()), h.file.Close()) })
	return h.err
}
