// Package flock locks files with flock(2): the lock is the kernel's and belongs to
// the open file, so that of a killed process is gone with it, and two open files of
// one process exclude each other, too.
package flock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Kind is what a lock excludes.
type Kind int

// The kinds of a lock.
const (
	Shared    Kind = syscall.LOCK_SH // excludes exclusive ones
	Exclusive Kind = syscall.LOCK_EX // excludes all others
)

// Try locks an open file; false where another one's lock is in the way.
func Try(f *os.File, kind Kind) (bool, error) {
	err := flock(f, int(kind)|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// Lock locks an open file, however long it takes. It is for locks that are held for
// milliseconds.
func Lock(f *os.File, kind Kind) error { return flock(f, int(kind)) }

// Unlock gives the lock of a file back that stays open.
func Unlock(f *os.File) error { return flock(f, syscall.LOCK_UN) }

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}

// Named says whether an open file still has the name that it was opened by. A lock of
// one that has not excludes nobody who opens the name later.
func Named(f *os.File) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(f.Name())
	return err == nil && os.SameFile(mine, there)
}

// TryOpen opens a file and locks it; nil where another one's lock is in the way. A file
// that lost its name in between is opened anew. Closing it gives the lock back.
func TryOpen(open func() (*os.File, error), kind Kind) (*os.File, error) {
	for {
		f, err := open()
		if err != nil {
			return nil, err
		}
		free, err := Try(f, kind)
		if free && Named(f) {
			return f, nil
		}
		if err := errors.Join(err, f.Close()); err != nil || !free {
			return nil, err
		}
	}
}

// Open is [TryOpen], tried every poll until ctx ends, whose cause is the error then:
// flock(2) has no wait that a context could end.
func Open(ctx context.Context, open func() (*os.File, error), kind Kind, poll time.Duration) (*os.File, error) {
	for {
		f, err := TryOpen(open, kind)
		if f != nil || err != nil {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}

// Create opens a file to read and write; one that is not there is made, readable to its
// owner only.
func Create(path string) func() (*os.File, error) {
	return func() (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) }
}

// CreateAll is [Create] that makes the file's folder, too, again where others remove it.
func CreateAll(path string) func() (*os.File, error) {
	return func() (*os.File, error) {
		for tries := 0; ; tries++ {
			f, err := Create(path)()
			if !errors.Is(err, fs.ErrNotExist) {
				return f, err
			}
			err = os.MkdirAll(filepath.Dir(path), 0o700)
			// Of one that is removed meanwhile, MkdirAll says that it is there, or is not.
			moving := errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist)
			if err != nil && !(moving && tries < mostTries) {
				return nil, err
			}
		}
	}
}

// mostTries ends what looks like a folder that others remove and is none, such as a
// link to nowhere.
const mostTries = 1000
