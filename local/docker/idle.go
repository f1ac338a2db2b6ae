package docker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
)

// withIdle makes a container that is never started, to look into an image or to
// reach a volume through the archive calls, and removes it afterwards.
func (e *Engine) withIdle(ctx context.Context, image string, labels map[string]string, mounts []mount.Mount, do func(id string) error) (err error) {
	if labels, err = e.overrule(ctx, image, labels); err != nil {
		return err
	}
	// A call that is cut off may make a container all the same, which nobody knows of.
	creating, created := linger(ctx, cleanTimeout)
	made, err := e.api.ContainerCreate(creating, client.ContainerCreateOptions{
		// An image without a command of its own needs one to be made a container.
		Config:     &container.Config{Image: image, Cmd: []string{"none"}, Labels: labels, NetworkDisabled: true},
		HostConfig: &container.HostConfig{NetworkMode: "none", Mounts: mounts},
	})
	created()
	if err != nil {
		return fmt.Errorf("make a container of image %q that is never started: %w", image, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		err = errors.Join(err, e.remove(ctx, made.ID))
	}()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return do(made.ID)
}

// FillVolume unpacks a tar at the top of a volume, by a container of an image that has
// the labels and is never started: what is mounted read-only elsewhere is written so.
func (e *Engine) FillVolume(ctx context.Context, image string, labels map[string]string, volume string, archive io.Reader) error {
	const shop = "/.envctl-volume"
	at := mount.Mount{Type: mount.TypeVolume, Source: volume, Target: shop, VolumeOptions: &mount.VolumeOptions{NoCopy: true}}
	return e.withIdle(ctx, image, labels, []mount.Mount{at}, func(id string) error {
		_, err := e.api.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: shop, Content: archive})
		return err
	})
}
