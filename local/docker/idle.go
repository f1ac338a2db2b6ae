package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
)

// withIdle makes a container that is never started, to look into an image or to
// reach a volume through the archive calls, and removes it afterwards.
func (e *Engine) withIdle(ctx context.Context, image string, labels map[string]string, mounts []mount.Mount, do func(id string) error) (err error) {
	made, err := e.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		// An image without a command of its own needs one to be made a container.
		Config:     &container.Config{Image: image, Cmd: []string{"none"}, Labels: labels, NetworkDisabled: true},
		HostConfig: &container.HostConfig{NetworkMode: "none", Mounts: mounts},
	})
	if err != nil {
		return fmt.Errorf("make a container of image %q to look into it: %w", image, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		err = errors.Join(err, e.remove(ctx, made.ID))
	}()
	return do(made.ID)
}
