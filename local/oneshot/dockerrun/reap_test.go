package dockerrun_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/owner"
)

// A container whose labels say too little to be a run's does not take the runs of
// others with it.
func TestReapWithBrokenLabels(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	self, err := owner.Self()
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	ours := owner.Owner{Place: "elsewhere-" + strings.ToLower(t.Name()), PID: 1}.String() // not this machine's: nobody reaps it
	make := func(labels map[string]string) string {
		t.Helper()
		labels["dev.envctl.kind"] = "run"
		made, err := r.engine.Client().ContainerCreate(t.Context(), client.ContainerCreateOptions{
			Config: &container.Config{Image: pythonImage, Cmd: []string{"none"}, Labels: labels},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, _ = r.engine.Client().ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true})
		})
		return made.ID
	}
	live := make(map[string]string{"dev.envctl.run": "live", owner.Label: ours})
	other := make(map[string]string{"dev.envctl.run": "broken-owner", owner.Label: self.String()})
	make(map[string]string{owner.Label: ours, "dev.envctl.expires": past})
	make(map[string]string{"dev.envctl.run": "broken-owner", "dev.envctl.expires": past})
	over := make(map[string]string{"dev.envctl.run": "over", owner.Label: ours, "dev.envctl.expires": past})
	if _, err := r.deps.Runner.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{live: true, other: true, over: false} {
		if _, there, err := r.engine.Inspect(t.Context(), id); err != nil || there != want {
			t.Errorf("container %.12s is there: %v, %v", id, there, err)
		}
	}
}
