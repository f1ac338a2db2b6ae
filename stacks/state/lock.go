package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"time"

	"github.com/envctl/envctl/stacks"
)

// Holder is who works on a stack.
type Holder struct {
	PID     int       `json:"pid"`
	User    string    `json:"user"`
	Host    string    `json:"host"`
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
	OnWait  func(Holder)  // called once, when waiting begins; may be nil
}

// Held is a lock that is held.
type Held struct{ file *os.File }

// pollLock is how often a held lock is tried again; flock has no wait that a
// context could end.
const pollLock = 50 * time.Millisecond

// Lock holds a stack for this process until Release or until the process ends:
// the lock is the kernel's (flock(2)), so that of a killed owner is gone with it.
// It works on one machine; state that machines share has the backend's own lock.
func (d *Dir) Lock(ctx context.Context, ref stacks.Ref, o LockOptions) (*Held, error) {
	path := filepath.Join(d.path, "locks", ref.String()+".lock")
	deadline := time.Now().Add(o.Wait)
	told := false
	for {
		held, err := d.tryLock(path, o.Command)
		if held != nil || err != nil {
			return held, err
		}
		holder := readHolder(path)
		if !time.Now().Before(deadline) {
			return nil, &HeldError{Ref: ref, Holder: holder}
		}
		if !told && o.OnWait != nil {
			told = true
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
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &DirError{Path: d.path, Err: err}
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			return nil, nil
		}
		return nil, &DirError{Path: d.path, Err: fmt.Errorf("locking: %w", err)}
	}
	if !sameFile(f, path) { // its last holder removed it between our open and our lock
		return nil, f.Close()
	}
	if err := writeHolder(f, command); err != nil {
		_ = f.Close()
		return nil, &DirError{Path: d.path, Err: err}
	}
	return &Held{file: f}, nil
}

func sameFile(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

func writeHolder(f *os.File, command string) error {
	h := Holder{PID: os.Getpid(), Command: command, Since: time.Now().UTC()}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	h.Host, _ = os.Hostname()
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(raw, 0)
	return err
}

func readHolder(path string) Holder {
	var h Holder
	f, err := os.Open(path)
	if err != nil {
		return h
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return Holder{}
	}
	return h
}

// Release gives the lock back and removes its file.
func (h *Held) Release() error {
	return errors.Join(os.Remove(h.file.Name()), h.file.Close())
}
