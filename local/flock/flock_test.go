package flock_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/local/flock"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := flock.Create(path)()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestWhatExcludesWhat(t *testing.T) {
	t.Parallel()
	const none flock.Kind = 0
	for _, test := range []struct {
		held, wanted flock.Kind
		free         bool
	}{
		{none, flock.Shared, true}, {none, flock.Exclusive, true},
		{flock.Shared, flock.Shared, true}, {flock.Shared, flock.Exclusive, false},
		{flock.Exclusive, flock.Shared, false}, {flock.Exclusive, flock.Exclusive, false},
	} {
		path := filepath.Join(t.TempDir(), "lock")
		if test.held != none {
			if err := flock.Lock(open(t, path), test.held); err != nil {
				t.Fatal(err)
			}
		}
		if free, err := flock.Try(open(t, path), test.wanted); free != test.free || err != nil {
			t.Errorf("%v with %v held: %v, %v", test.wanted, test.held, free, err)
		}
	}
}

func TestAClosedFile(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "lock"))
	_ = f.Close()
	if free, err := flock.Try(f, flock.Shared); free || err == nil {
		t.Errorf("%v, %v", free, err)
	}
	if err := flock.Lock(f, flock.Shared); err == nil {
		t.Error("a lock of a closed file")
	}
	if flock.Named(f) {
		t.Error("a closed file has a name")
	}
}

// A lock of a file that another one has removed in between counts for nothing.
func TestAFileThatLosesItsName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	opened := 0
	f, err := flock.TryOpen(func() (*os.File, error) {
		f, err := flock.Create(path)()
		if opened++; opened == 1 {
			err = errors.Join(err, os.Remove(path))
		}
		return f, err
	}, flock.Exclusive)
	if err != nil || opened != 2 || !flock.Named(f) {
		t.Fatalf("%v after %d", err, opened)
	}
	defer f.Close()
	if again, err := flock.TryOpen(flock.Create(path), flock.Exclusive); again != nil || err != nil {
		t.Errorf("%v, %v", again, err)
	}
	if _, err := flock.TryOpen(func() (*os.File, error) { return nil, os.ErrPermission }, flock.Exclusive); !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v", err)
	}
}

func TestOpenWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held := open(t, path)
	if err := flock.Lock(held, flock.Exclusive); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(enough) })
	if _, err := flock.Open(ctx, flock.Create(path), flock.Shared, time.Millisecond); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = held.Close() })
	f, err := flock.Open(t.Context(), flock.Create(path), flock.Shared, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
}

// What looks like a folder that is removed meanwhile, and is none, is an error.
func TestALinkToNowhereInPlaceOfTheFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a")
	if err := os.Symlink("nowhere", dir); err != nil {
		t.Fatal(err)
	}
	if _, err := flock.CreateAll(filepath.Join(dir, "lock"))(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
}

// The folder comes and goes while many want a file in it.
func TestOneAtATimeInAFolderThatIsRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "lock")
	var group sync.WaitGroup
	inside := make(chan struct{}, 1)
	for range 8 {
		group.Go(func() {
			for range 20 {
				f, err := flock.Open(t.Context(), flock.CreateAll(path), flock.Exclusive, time.Millisecond)
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case inside <- struct{}{}:
				default:
					t.Error("two hold the lock")
				}
				<-inside
				_ = os.Remove(path)
				_ = os.Remove(filepath.Dir(path))
				_ = f.Close()
			}
		})
	}
	group.Wait()
}
