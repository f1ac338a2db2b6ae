package docker_test

import (
	"context"
	"maps"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// A container has the labels of its image. Somebody's own one of an image that envctl
// built, or committed, is not found by them, so that nothing removes it.
func TestLabelsOfAnImageAreNoClaim(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	experiment := "inherited-" + own[dockertest.Label][:8]
	built := maps.Clone(own)
	maps.Copy(built, map[string]string{
		"dev.envctl.experiment": experiment, "dev.envctl.instance": "default", "dev.envctl.target": "local",
		"dev.envctl.owner": "here/1/x", "dev.envctl.expires": "2020-01-01T00:00:00Z",
	})
	img := toolImage(t, e, built)
	filter := map[string]string{"dev.envctl.experiment": experiment}
	t.Cleanup(func() {
		if _, err := e.Sweep(context.Background(), map[string]string{"dev.envctl.experiment": experiment, "dev.envctl.kind": "app"}, docker.SweepOptions{}); err != nil {
			t.Error(err)
		}
	})
	make := func(labels map[string]string) string {
		t.Helper()
		made, err := e.Client().ContainerCreate(t.Context(), client.ContainerCreateOptions{
			Config: &container.Config{Image: img.ID, Cmd: []string{"sleep", "600"}, Labels: labels},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, _ = e.Client().ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true})
		})
		return made.ID
	}
	theirs := make(nil)
	ours := make(map[string]string{"dev.envctl.kind": "app"})
	found, err := e.Containers(t.Context(), docker.Filter{Labels: filter})
	if err != nil || len(found) != 1 || found[0].ID != ours {
		t.Errorf("found %+v, %v, expected only %s", found, err, ours)
	}
	if _, err := e.Sweep(t.Context(), filter, docker.SweepOptions{KeepImages: true}); err != nil {
		t.Fatal(err)
	}
	if _, there, err := e.Inspect(t.Context(), theirs); err != nil || !there {
		t.Errorf("a sweep removed what somebody made of the image: %v", err)
	}
	if _, there, _ := e.Inspect(t.Context(), ours); there {
		t.Error("a sweep left what envctl made of the image")
	}

	// A run of the image is not the experiment's, and has no owner but its own.
	id, err := e.Create(t.Context(), docker.RunSpec{Config: container.Config{
		Image: img.ID, Cmd: []string{"sleep", "600"}, Labels: map[string]string{"dev.envctl.kind": "run", "dev.envctl.owner": "here/2/y"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = e.Client().ContainerRemove(context.Background(), id, client.ContainerRemoveOptions{Force: true})
	})
	run, _, err := e.Inspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	got := run.Config.Labels
	if got["dev.envctl.owner"] != "here/2/y" || got["dev.envctl.experiment"] != "" || got["dev.envctl.expires"] != "" {
		t.Errorf("labels of the run: %v", got)
	}
	if found, err := e.Containers(t.Context(), docker.Filter{Labels: filter}); err != nil || len(found) != 0 {
		t.Errorf("the run is the experiment's: %+v, %v", found, err)
	}
}
