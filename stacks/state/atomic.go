package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// writeAtomic replaces a file so that a reader, or a crash at any instant, sees
// the old content or the new one. The old one stays as path.bak.
func writeAtomic(path string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	if _, err := tmp.Write(content); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Sync(); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := keepPrevious(path); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func keepPrevious(path string) error {
	_ = os.Remove(path + ".bak")
	if err := os.Link(path, path+".bak"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
