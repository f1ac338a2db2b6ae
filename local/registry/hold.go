package registry

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPoll is how often a held lock is tried again: flock(2) has no wait that a
// context could end.
const lockPoll = 5 * time.Millisecond

// Hold keeps content from being collected until release is called or the process
// ends: what is written in between need not be referred to by a manifest yet. Any
// number of holders may be there at once. Methods of the store that write hold it
// by themselves.
func (s *Store) Hold(ctx context.Context) (release func(), err error) {
	return s.hold(ctx, syscall.LOCK_SH, true)
}

// hold locks the store's folder by its lock file, which goes with the folder. With
// make the folder is made; without, a missing one is fs.ErrNotExist.
func (s *Store) hold(ctx context.Context, how int, create bool) (release func(), err error) {
	path := filepath.Join(s.dir, "lock")
	for {
		f, err := openLock(path, create)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil && sameFile(f, path) {
			return func() { _ = f.Close() }, nil
		}
		_ = f.Close() // removed with the folder meanwhile, or held
		if err == nil || errors.Is(err, syscall.EINTR) {
			continue
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

func openLock(path string, create bool) (*os.File, error) {
	if !create {
		return os.OpenFile(path, os.O_RDWR, 0o600)
	}
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
}

// sameFile says whether an open file still has its name.
func sameFile(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}
