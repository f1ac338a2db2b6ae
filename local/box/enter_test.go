package box

import (
	"testing"
	"time"
)

// A box that somebody reaped while it was made has no place: it is no box, and what
// it is made known by is not touched.
func TestEnterWithoutAPlace(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	m := &Manager{Most: 2, Now: func() time.Time { return now }}
	gone, late, good := Box{ID: "a", Expires: now.Add(time.Hour)}, Box{ID: "b", Expires: now}, Box{ID: "c", Expires: now.Add(1)}
	if err := m.reserve(gone); err != nil {
		t.Fatal(err)
	}
	m.leave("a")
	if m.enter(gone) {
		t.Error("a box without a place was opened")
	}
	if err := m.reserve(late); err != nil {
		t.Fatal(err)
	}
	if m.enter(late) || len(m.boxes) != 0 {
		t.Error("a box whose time is over was opened, or kept its place")
	}
	if err := m.reserve(good); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Known("c"); err == nil || !m.enter(good) {
		t.Error("a box is known before it was made, or not opened")
	}
}
