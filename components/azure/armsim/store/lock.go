package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/envctl/envctl/local/flock"
)

// held is a file whose lock this process has.
type held struct{ file *os.File }

// lock waits for the file's lock.
func lock(path string) (*held, error) {
	f, err := flock.Create(path)()
	if err != nil {
		return nil, err
	}
	if err := flock.Lock(f, flock.Exclusive); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &held{file: f}, nil
}

// release gives the lock back, which closing the file does.
func (h *held) release() { h.file.Close() }

// generation is the number that the lock's file holds, 0 in a new one.
func (h *held) generation() int64 {
	var raw [8]byte
	if n, _ := h.file.ReadAt(raw[:], 0); n < len(raw) {
		return 0
	}
	return int64(binary.BigEndian.Uint64(raw[:]))
}

// announce writes the number before the state that has it is put in place: a
// process killed in between makes others read once too often, never too seldom.
func (h *held) announce(generation int64) error {
	_, err := h.file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(generation)), 0)
	return err
}

// Owner is a process that works for the simulator. Its lock ends with it.
type Owner struct {
	Token string
	held  *held
	path  string
}

// NewOwner enters this process among the owners under token.
func (s *Store) NewOwner(token string) (*Owner, error) {
	if s.dir == "" {
		return &Owner{Token: token}, nil
	}
	folder := filepath.Join(s.dir, "owners")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, token)
	f, err := flock.TryOpen(flock.Create(path), flock.Exclusive)
	if err == nil && f == nil {
		err = errors.New("another process has that name")
	}
	if err != nil {
		return nil, fmt.Errorf("enter this process as %s: %w", token, err)
	}
	return &Owner{Token: token, held: &held{file: f}, path: path}, nil
}

// Leave takes the process out; it is then as if it were dead.
func (o *Owner) Leave() {
	if o.held != nil {
		os.Remove(o.path)
		o.held.release()
	}
}

// Alive says whether the owner of that token still is. In memory there is only
// this process.
func (s *Store) Alive(token string) bool {
	if s.dir == "" {
		return true
	}
	path := filepath.Join(s.dir, "owners", token)
	f, err := flock.TryOpen(func() (*os.File, error) { return os.OpenFile(path, os.O_RDWR, 0) }, flock.Exclusive)
	if err != nil {
		return false // it has left, or nobody can know
	}
	if f == nil {
		return true
	}
	os.Remove(path) // its process is dead
	f.Close()
	return false
}
