package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/envctl/envctl/local/flock"
)

// recorder collects a body while it is read, and gives it to done at its end. An
// answer that was cut off is not recorded.
type recorder struct {
	io.ReadCloser
	read bytes.Buffer
	done func(raw []byte) error
	over bool
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if r.over {
		return n, err
	}
	r.read.Write(p[:n])
	if r.read.Len() > maxAnswer {
		r.over = true
	}
	if errors.Is(err, io.EOF) && !r.over {
		r.over = true
		if failed := r.done(r.read.Bytes()); failed != nil {
			return n, failed // who records wants to know that nothing was recorded
		}
	}
	return n, err
}

// addEntry adds a line to the file, which holds whole lines at every instant. The
// lock is that of the file's folder: it leaves nothing behind.
func addEntry(path string, e entry) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := flock.Lock(dir, flock.Exclusive); err != nil {
		return err
	}
	entries, err := readEntries(path)
	if err != nil || slices.ContainsFunc(entries, func(f entry) bool { return f.Key == e.Key }) {
		return err
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false) // for who reads it
	if err := encoder.Encode(e); err != nil {
		return err
	}
	if len(before) > 0 && before[len(before)-1] != '\n' {
		before = append(before, '\n')
	}
	return replace(path, append(before, line.Bytes()...))
}

func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
