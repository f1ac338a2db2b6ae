// Package killed finds out whether the kernel killed a container for its memory: an
// engine says that a container has ended before it knows why.
package killed

import (
	"context"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// API is what an engine is asked.
type API interface {
	ContainerInspect(ctx context.Context, id string, options client.ContainerInspectOptions) (client.ContainerInspectResult, error)
	Events(ctx context.Context, options client.EventsListOptions) client.EventsResult
}

const (
	status   = 128 + 9                // of a program that got SIGKILL
	patience = 500 * time.Millisecond // for the news
	look     = 20 * time.Millisecond
)

// ForMemory says whether a container that has ended was killed for its memory limit.
// It waits up to half a second for the news where it may have been. An engine with
// cgroup v1 that hears of the kill after the end never notes it with the container
// (State.OOMKilled), but tells of it as an event, "oom".
func ForMemory(ctx context.Context, engine API, ended container.InspectResponse) bool {
	if ended.State == nil || ended.State.ExitCode != status || ended.HostConfig == nil || ended.HostConfig.Memory == 0 {
		return false
	}
	if ended.State.OOMKilled {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	events := engine.Events(ctx, client.EventsListOptions{
		Since:   ended.Created,
		Filters: client.Filters{}.Add("type", "container").Add("event", "oom").Add("container", ended.ID),
	})
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-events.Messages:
			return true
		case <-ctx.Done():
			return false
		case <-tick.C:
			now, err := engine.ContainerInspect(ctx, ended.ID, client.ContainerInspectOptions{})
			if err != nil {
				return false
			}
			if now.Container.State != nil && now.Container.State.OOMKilled {
				return true
			}
		}
	}
}
