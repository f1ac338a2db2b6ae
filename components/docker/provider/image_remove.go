package provider

import (
	"context"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// How often the removal of a name is tried while the engine is taken by surprise
// by another removal of the same image, and the pause in between.
const (
	untagTries = 20
	untagPause = 50 * time.Millisecond
)

// removeName removes a name of an image, and the image with its last name. An
// image that a container uses stays: it is that container's. When two names of
// one image go at once, the engine fails with "unrecognized image ID" after it
// has found the name and before it has removed it; the next try tells.
func removeName(ctx context.Context, api imageAPI, name string, force bool) error {
	for try := 1; ; try++ {
		_, err := api.ImageRemove(ctx, name, client.ImageRemoveOptions{Force: force, PruneChildren: true})
		if err == nil || cerrdefs.IsNotFound(err) || cerrdefs.IsConflict(err) {
			return nil
		}
		if !strings.Contains(err.Error(), "unrecognized image ID") || try == untagTries {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(untagPause):
		}
	}
}
