package provider

import (
	"context"

	"github.com/moby/moby/client"
)

// limited bounds how many containers are made, started, stopped or removed at
// once; what waits for an app to answer takes no place. An engine works on
// containers nearly one after another: measured on 2 cores with 10 containers, 4
// at a time are up in 1.6 s, 10 at a time in 1.75 s and one after another in 3.2 s. Of
// 30, stopped 4 at a time in 2.02 s, 6 at a time would be gone in 1.66 s; but from there
// on Engine 20.10 now and then loses count of a network's containers, once in 5 times
// here, and cannot remove it until it is restarted.
type limited struct {
	containerAPI
	places chan struct{}
}

func (l limited) take(ctx context.Context) error {
	select {
	case l.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l limited) give() { <-l.places }

func (l limited) ContainerCreate(ctx context.Context, o client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	if err := l.take(ctx); err != nil {
		return client.ContainerCreateResult{}, err
	}
	defer l.give()
	return l.containerAPI.ContainerCreate(ctx, o)
}

func (l limited) ContainerStart(ctx context.Context, id string, o client.ContainerStartOptions) (client.ContainerStartResult, error) {
	if err := l.take(ctx); err != nil {
		return client.ContainerStartResult{}, err
	}
	defer l.give()
	return l.containerAPI.ContainerStart(ctx, id, o)
}

func (l limited) ContainerRemove(ctx context.Context, id string, o client.ContainerRemoveOptions) (client.ContainerRemoveResult, error) {
	if err := l.take(ctx); err != nil {
		return client.ContainerRemoveResult{}, err
	}
	defer l.give()
	return l.containerAPI.ContainerRemove(ctx, id, o)
}

func (l limited) ContainerStop(ctx context.Context, id string, o client.ContainerStopOptions) (client.ContainerStopResult, error) {
	if err := l.take(ctx); err != nil {
		return client.ContainerStopResult{}, err
	}
	defer l.give()
	return l.containerAPI.ContainerStop(ctx, id, o)
}
