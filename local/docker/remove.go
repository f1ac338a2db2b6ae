package docker

import (
	"context"
	"fmt"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// remove kills and removes a container with its anonymous volumes, and returns
// when it is gone. One that is gone already is as good.
func (e *Engine) remove(ctx context.Context, id string) error {
	_, err := e.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	switch {
	case err == nil, cerrdefs.IsNotFound(err):
		return nil
	case inProgress(err):
		return e.awaitGone(ctx, id)
	default:
		return fmt.Errorf("remove container %s: %w", short(id), err)
	}
}

// inProgress recognises the engine's refusal to remove twice at once.
func inProgress(err error) bool {
	return cerrdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress")
}

// awaitGone waits until somebody else's removal is done, for 30 s at most.
func (e *Engine) awaitGone(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := e.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		if cerrdefs.IsNotFound(err) {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("wait for the removal of container %s: %w", short(id), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("container %s is being removed and does not go: %w", short(id), context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) > 12 {
		id = id[:12]
	}
	return id
}
