// Package atomicfile replaces a file so that at every instant, through crashes
// and power cuts too, its path holds either the old content or the new.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Backup is added to a file's name for the content before the last [Replace].
const Backup = ".bak"

// staleAfter is how old a temporary file must be to be a dead writer's; a write
// takes milliseconds.
const staleAfter = 10 * time.Minute

// Write makes path hold data, with the given permissions.
func Write(path string, data []byte, mode fs.FileMode) error { return write(path, data, mode, false) }

// Replace is [Write] that keeps the previous content beside it, as path+Backup.
func Replace(path string, data []byte, mode fs.FileMode) error { return write(path, data, mode, true) }

// Remove deletes path, its backup and what killed writers left of it. A file
// that is not there is no error.
func Remove(path string) error {
	left, err := filepath.Glob(pattern(path))
	if err != nil {
		return err
	}
	for _, p := range append(left, path+Backup, path) {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func write(path string, data []byte, mode fs.FileMode, keep bool) (err error) {
	sweep(path)
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // the first error is the one to tell
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if keep {
		if err := backUp(path); err != nil {
			return fmt.Errorf("keeping the previous content: %w", err)
		}
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// backUp makes path+Backup a second name of the content that path has now. It
// goes by a third name because a link cannot replace a file.
func backUp(path string) error {
	link := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.tmp-%d", filepath.Base(path), time.Now().UnixNano()))
	switch err := os.Link(path, link); {
	case errors.Is(err, fs.ErrNotExist):
		return nil // the first write
	case err != nil:
		return copyOver(path) // a file system without links
	}
	if err := os.Rename(link, path+Backup); err != nil {
		return err
	}
	// Renaming one name of a file over another name of it does nothing.
	if err := os.Remove(link); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func copyOver(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return Write(path+Backup, data, info.Mode().Perm())
}

// syncDir makes a rename last through a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// sweep removes what writers that were killed left; a failure leaves it to the
// next write.
func sweep(path string) {
	left, _ := filepath.Glob(pattern(path))
	for _, p := range left {
		if info, err := os.Lstat(p); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(p)
		}
	}
}

// pattern matches the temporary files of path. Its folder is not part of the
// pattern's syntax, so a name with brackets is escaped.
func pattern(path string) string {
	return filepath.Join(escape(filepath.Dir(path)), "."+escape(filepath.Base(path))+".tmp-*")
}

func escape(name string) string {
	var out []byte
	for i := range len(name) {
		switch name[i] {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, name[i])
	}
	return string(out)
}
