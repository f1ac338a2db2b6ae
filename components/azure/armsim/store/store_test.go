package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Several processes stand behind several stores of one folder: no change is lost.
func TestStoresOfOneFolderLoseNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 50 {
				if err := s.Do(func(st *store.State) error { st.GUID(1); return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Do(func(st *store.State) error {
		if st.Serial != 200 || st.Generation != 200 {
			t.Errorf("serial %d, generation %d, want 200 of each", st.Serial, st.Generation)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadingWritesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Do(func(st *store.State) error { st.Get("/x"); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "state.json")); !os.IsNotExist(err) {
		t.Errorf("a state was written: %v", err)
	}
}

// A process that was killed after announcing and before the rename leaves the
// state before, and others go on from it.
func TestKilledBetweenAnnounceAndRename(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	put := func(st *store.State) error { st.Put(&store.Resource{ID: "/A"}); return nil }
	if err := first.Do(put); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock"), []byte{0, 0, 0, 0, 0, 0, 0, 9}, 0o600); err != nil {
		t.Fatal(err)
	}
	err = first.Do(func(st *store.State) error {
		if st.Get("/a") == nil {
			t.Error("the resource is lost")
		}
		st.Changed()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedStateIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for file, content := range map[string]string{"state.json": "{", "lock": "\x00\x00\x00\x00\x00\x00\x00\x01"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Do(func(*store.State) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("got %v", err)
	}
}

func TestGeneratedValuesRepeatWithTheSeed(t *testing.T) {
	t.Parallel()
	a, b := store.NewState(), store.NewState()
	one, two := a.GUID(7), a.GUID(7)
	if one == two || one != b.GUID(7) || one[14] != '4' {
		t.Errorf("%s then %s", one, two)
	}
}

func TestOwnerIsAliveUntilItLeaves(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	owner, err := s.NewOwner("one")
	if err != nil {
		t.Fatal(err)
	}
	if !s.Alive("one") || s.Alive("two") {
		t.Error("one lives, two does not")
	}
	owner.Leave()
	if s.Alive("one") {
		t.Error("one has left")
	}
}
