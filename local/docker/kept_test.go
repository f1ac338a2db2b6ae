package docker_test

import (
	"context"
	"testing"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// An image has the labels of the one it was built on, and keeps its own under another
// name: a name that envctl did not give stays, and the image with it.
func TestANameOfSomebodyKeepsAnImage(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	img := toolImage(t, e, own)
	theirs := "mine-" + own[dockertest.Label] + ":1"
	if err := e.Tag(t.Context(), img.ID, theirs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = e.Client().ImageRemove(context.Background(), theirs, client.ImageRemoveOptions{})
	})
	gone, err := e.Sweep(t.Context(), own, docker.SweepOptions{})
	if err != nil || len(gone.Images) != 1 || gone.Images[0] != dockertest.Tag(own) {
		t.Errorf("removed %v, %v", gone.Images, err)
	}
	if _, ok, err := e.ResolveImage(t.Context(), theirs); err != nil || !ok {
		t.Errorf("the image of %s is gone: %v", theirs, err)
	}
	if left, err := e.Leftovers(t.Context(), own); err != nil || left.Count() != 0 {
		t.Errorf("left over: %+v, %v", left, err)
	}
}
