package registry

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// temporary makes a file in tmp/, which whoever collects garbage empties.
func (s *Store) temporary() (*os.File, error) {
	dir := filepath.Join(s.dir, "tmp")
	f, err := os.CreateTemp(dir, "")
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			f, err = os.CreateTemp(dir, "")
		}
	}
	return f, err
}

// place gives a finished temporary file its name, after its content has reached
// the disk. With fresh a file of that name makes it fail with fs.ErrExist.
func place(f *os.File, path string, fresh bool) error {
	err := errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	switch {
	case err != nil:
	case fresh:
		err = os.Link(f.Name(), path)
	default:
		err = os.Rename(f.Name(), path)
	}
	if err != nil || fresh {
		_ = os.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}

func drop(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// writeFile is place of some bytes.
func (s *Store) writeFile(path string, content []byte, fresh bool) error {
	f, err := s.temporary()
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		drop(f)
		return err
	}
	return place(f, path, fresh)
}

// mark makes an empty file: its name is all that it says. Empty files need no
// detour over a temporary one.
func mark(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		}
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if missing(err) {
		return false, nil
	}
	return err == nil, err
}

func remove(path string) error {
	if err := os.Remove(path); !missing(err) {
		return err
	}
	return nil
}

// missing says that a path leads to nothing.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
