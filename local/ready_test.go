package local

import (
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
)

// What a program says between its beginning and the engine's note of it must not
// be missed: a gateway that finds its app healthy at once says so only once.
func TestLatestRunIsNotAfterItsBeginning(t *testing.T) {
	t.Parallel()
	said := time.Date(2026, 11, 23, 22, 13, 43, 540_000_000, time.UTC)
	first := &container.State{Running: true, StartedAt: "2026-11-23T22:13:43.545395333Z", FinishedAt: "0001-01-01T00:00:00Z"}
	if at, err := latestRun(first); err != nil || !at.IsZero() || at.After(said) {
		t.Errorf("first run: %v, %v", at, err)
	}
	again := &container.State{Running: true, StartedAt: "2026-11-23T22:13:43.545395333Z", FinishedAt: "2026-11-23T22:13:40.1Z"}
	if at, err := latestRun(again); err != nil || at.IsZero() || !at.Before(said) {
		t.Errorf("second run: %v, %v", at, err)
	}
	if _, err := latestRun(&container.State{FinishedAt: "yesterday"}); err == nil {
		t.Error("an unreadable time passes")
	}
}
