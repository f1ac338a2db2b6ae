package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// backendLock is the content of a lock file of Pulumi's self-managed backend; its
// PID is 0 where the content cannot be read.
type backendLock struct {
	PID      int       `json:"pid"`
	Username string    `json:"username"`
	Hostname string    `json:"hostname"`
	Since    time.Time `json:"timestamp"`
	key      string
}

// LockedError says that somebody else works on the stack in the same state
// store: another machine, or the stock pulumi CLI.
type LockedError struct {
	Stack    string
	Username string
	Hostname string
	PID      int
	Since    time.Time
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is locked by %s on %s (process %d) since %s",
		e.Stack, e.Username, e.Hostname, e.PID, e.Since.Local().Format(time.DateTime))
}

// Hint says how to mend it.
func (e *LockedError) Hint() string {
	return fmt.Sprintf("wait for it to end; if it is dead, run `pulumi cancel %s` with the same backend", e.Stack)
}

// Code is the error's name in JSON.
func (*LockedError) Code() string { return "locked" }

// ExitStatus is that of a lock held by somebody else.
func (*LockedError) ExitStatus() int { return 5 }

// breakDeadLocks removes the locks on a stack whose owner was a process of this
// machine that is no more, and what a kill left of a lock half written, which
// names nobody. Those of other machines stay: nobody here can tell.
func breakDeadLocks(ctx context.Context, backendURL, stack string) error {
	bucket, err := openBucket(ctx, backendURL)
	if err != nil {
		return err
	}
	defer func() { _ = bucket.Close() }()
	locks, err := readLocks(ctx, bucket, stack)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	for _, l := range locks {
		if l.PID != 0 && (l.Hostname != host || l.PID != os.Getpid() && holds(l.PID, l.Since)) {
			continue
		}
		if err := bucket.Delete(ctx, l.key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return fmt.Errorf("removing the lock of a dead process on %s: %w", stack, err)
		}
	}
	return nil
}

// lockError names the holder of the lock that made cause.
func lockError(ctx context.Context, backendURL, stack string, cause error) error {
	bucket, err := openBucket(ctx, backendURL)
	if err != nil {
		return cause
	}
	defer func() { _ = bucket.Close() }()
	locks, err := readLocks(ctx, bucket, stack)
	locks = slices.DeleteFunc(locks, func(l backendLock) bool { return l.PID == 0 })
	if err != nil || len(locks) == 0 {
		return cause
	}
	l := locks[0]
	return &LockedError{Stack: stack, Username: l.Username, Hostname: l.Hostname, PID: l.PID, Since: l.Since}
}

func readLocks(ctx context.Context, bucket *blob.Bucket, stack string) ([]backendLock, error) {
	var out []backendLock
	list := bucket.List(&blob.ListOptions{Prefix: ".pulumi/locks/organization/" + Project + "/" + stack + "/"})
	for {
		obj, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the locks on %s: %w", stack, err)
		}
		raw, err := bucket.ReadAll(ctx, obj.Key)
		if gcerrors.Code(err) == gcerrors.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the locks on %s: %w", stack, err)
		}
		l := backendLock{}
		if json.Unmarshal(raw, &l) != nil {
			l = backendLock{}
		}
		l.key = obj.Key
		out = append(out, l)
	}
}

// holds says whether the process that took a lock at a time still runs. A number
// is given out again, after a restart of the machine above all: a process that
// began after the lock was taken did not take it.
func holds(pid int, taken time.Time) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	began, ok := startOf(pid)
	return !ok || !began.After(taken.Add(clockSlack))
}

// clockSlack is how far the two times may be off: a start is kept in ticks since
// a boot time in whole seconds, and the clock may have been set since.
const clockSlack = time.Minute
