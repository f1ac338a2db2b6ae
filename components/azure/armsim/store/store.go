package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Store guards one State. With a folder it is shared by processes: each Do holds
// a file lock, reads the file if another process has changed it, and replaces it
// by a rename if it was changed. A killed process therefore leaves the state
// before or after a request, never between.
type Store struct {
	dir   string
	mu    sync.Mutex
	state *State
	seen  int64 // generation of state; -1: not read yet
}

// Open returns the store of dir, which is made if need be; "" is memory only.
func Open(dir string) (*Store, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the simulator's folder: %w", err)
		}
	}
	return &Store{dir: dir, state: NewState(), seen: -1}, nil
}

// Dir is the store's folder, "" in memory.
func (s *Store) Dir() string { return s.dir }

// Do calls f alone, over all processes, with the present state. What f changed
// is kept if it called [State.Changed], whatever it returns.
func (s *Store) Do(f func(*State) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return f(s.state)
	}
	h, err := lock(filepath.Join(s.dir, "lock"))
	if err != nil {
		return fmt.Errorf("lock the simulator's state in %s: %w", s.dir, err)
	}
	defer h.release()
	if err := s.reload(h.generation()); err != nil {
		return err
	}
	err = f(s.state)
	if !s.state.dirty {
		return err
	}
	return errors.Join(err, s.write(h))
}

func (s *Store) file() string { return filepath.Join(s.dir, "state.json") }

func (s *Store) reload(generation int64) error {
	if generation == s.seen {
		return nil
	}
	raw, err := os.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		s.state, s.seen = NewState(), generation
		return nil
	}
	if err != nil {
		return err
	}
	state := &State{}
	if err := json.Unmarshal(raw, state); err != nil {
		return fmt.Errorf("the simulator's state %s is damaged (%w); remove its folder to begin anew", s.file(), err)
	}
	state.fill()
	s.state, s.seen = state, generation
	return nil
}

func (s *Store) write(h *held) error {
	next := max(h.generation(), s.state.Generation) + 1
	s.state.Generation, s.state.dirty = next, false
	raw, err := json.Marshal(s.state)
	if err != nil {
		return err
	}
	s.seen = -1               // until all is done
	temp := s.file() + ".new" // nobody else writes it: the lock is held
	if err := os.WriteFile(temp, raw, 0o600); err != nil {
		return fmt.Errorf("write the simulator's state: %w", err)
	}
	if err := h.announce(next); err != nil {
		return fmt.Errorf("write the simulator's state: %w", err)
	}
	if err := os.Rename(temp, s.file()); err != nil {
		return fmt.Errorf("write the simulator's state: %w", err)
	}
	s.seen = next
	return nil
}
