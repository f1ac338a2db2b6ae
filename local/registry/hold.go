package registry

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/envctl/envctl/local/flock"
)

// lockPoll is how often a held lock is tried again.
const lockPoll = 5 * time.Millisecond

// Hold keeps content from being collected until release is called or the process
// ends: what is written in between need not be referred to by a manifest yet. Any
// number of holders may be there at once. Methods of the store that write hold it
// by themselves.
func (s *Store) Hold(ctx context.Context) (release func(), err error) {
	return s.hold(ctx, flock.Shared, true)
}

// hold locks the store's folder by its lock file, which goes with the folder. With
// create the folder is made; without, a missing one is fs.ErrNotExist.
func (s *Store) hold(ctx context.Context, kind flock.Kind, create bool) (release func(), err error) {
	path := filepath.Join(s.dir, "lock")
	open := func() (*os.File, error) { return os.OpenFile(path, os.O_RDWR, 0) }
	if create {
		open = flock.CreateAll(path)
	}
	f, err := flock.Open(ctx, open, kind, lockPoll)
	if err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
