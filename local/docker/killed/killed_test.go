package killed_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker/killed"
)

// engine tells of a kill some time after it is asked; 0: never.
type engine struct {
	begun           time.Time
	noted, happened time.Duration
	broken          error
}

func (e *engine) ContainerInspect(context.Context, string, client.ContainerInspectOptions) (client.ContainerInspectResult, error) {
	found := ended(137, 32)
	found.State.OOMKilled = e.noted > 0 && time.Since(e.begun) >= e.noted
	return client.ContainerInspectResult{Container: found}, e.broken
}

func (e *engine) Events(ctx context.Context, _ client.EventsListOptions) client.EventsResult {
	messages, errs := make(chan events.Message), make(chan error, 1)
	if e.broken != nil {
		errs <- e.broken
	}
	go func() {
		if e.happened == 0 {
			return
		}
		select {
		case <-time.After(e.happened):
			select {
			case messages <- events.Message{}:
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
	}()
	return client.EventsResult{Messages: messages, Err: errs}
}

func ended(status int, memory int64) container.InspectResponse {
	return container.InspectResponse{
		State:      &container.State{ExitCode: status},
		HostConfig: &container.HostConfig{Resources: container.Resources{Memory: memory << 20}},
	}
}

func TestForMemory(t *testing.T) {
	t.Parallel()
	at := ended(137, 32)
	at.State.OOMKilled = true
	for name, c := range map[string]struct {
		engine engine
		ended  container.InspectResponse
		want   bool
		within time.Duration
	}{
		"known at once":        {engine{}, at, true, 0},
		"noted later":          {engine{noted: 100 * time.Millisecond}, ended(137, 32), true, 120 * time.Millisecond},
		"only an event":        {engine{happened: 100 * time.Millisecond}, ended(137, 32), true, 120 * time.Millisecond},
		"killed by another":    {engine{}, ended(137, 32), false, 500 * time.Millisecond},
		"it does not answer":   {engine{broken: errors.New("x")}, ended(137, 32), false, 20 * time.Millisecond},
		"ended by itself":      {engine{noted: 1}, ended(1, 32), false, 0},
		"no limit":             {engine{noted: 1}, ended(137, 0), false, 0},
		"nothing of it at all": {engine{noted: 1}, container.InspectResponse{}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				c.engine.begun = begun
				if got := killed.ForMemory(t.Context(), &c.engine, c.ended); got != c.want || time.Since(begun) > c.within {
					t.Errorf("%v after %v, expected %v within %v", got, time.Since(begun), c.want, c.within)
				}
			})
		})
	}
}
