package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// wakeEvery bounds how often a gateway is asked to look at its apps anew.
const wakeEvery = time.Second

// source is what a gateway wrote so far, since its latest start. It implements
// [gateway.LogSource].
type source struct {
	engine    *docker.Engine
	container string
}

// Logs implements [gateway.LogSource].
func (s source) Logs(ctx context.Context) (io.ReadCloser, error) {
	found, ok, err := s.engine.Inspect(ctx, s.container)
	if err == nil && (!ok || found.State == nil) {
		err = fmt.Errorf("gateway %s: %w", s.container, cerrdefs.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	// When its latest run can have begun: the engine notes a start after the
	// program began. Of the first run this is the year 1: from the beginning.
	since, err := time.Parse(time.RFC3339Nano, found.State.FinishedAt)
	if err != nil || since.Year() < 1970 {
		since = time.Time{}
	}
	read, write := io.Pipe()
	go func() {
		_ = write.CloseWithError(s.engine.Logs(ctx, s.container, docker.LogOptions{Since: since}, write, io.Discard))
	}()
	return read, nil
}

// health is the latest that the gateway of an environment said of an app; false
// where it said nothing yet.
func (r *Runner) health(ctx context.Context, gateways []docker.Container, app string) (last protocol.Event, ok bool, err error) {
	for _, g := range gateways {
		if g.State != "running" {
			continue
		}
		err := gateway.Follow(ctx, source{r.engine, g.ID}, func(e protocol.Event) error {
			if e.Event == protocol.EventHealth && e.App == app {
				last, ok = e, true
			}
			return nil
		})
		if err != nil && !errors.Is(err, gateway.ErrStopped) && !r.goes(ctx, g.ID) {
			return last, false, err
		}
	}
	return last, ok, nil
}

// goes says whether a container is gone or on its way: somebody replaces it, and
// what the engine says of it meanwhile has many words.
func (r *Runner) goes(ctx context.Context, id string) bool {
	found, ok, err := r.engine.Inspect(ctx, id)
	return err == nil && (!ok || found.State == nil || found.State.Dead || found.State.Status == container.StateRemoving)
}

// wake has an environment's gateway check every app anew: what it knew is of
// containers that were replaced. Without now it does so once a second at most.
func (r *Runner) wake(ctx context.Context, environment string, now bool) error {
	gateways, err := r.find(ctx, labelEnvironment, environment, LabelKind, kindGateway)
	if err != nil {
		return err
	}
	for _, g := range gateways {
		if g.State != "running" || !r.mayWake(g.ID, now) {
			continue
		}
		// One that ends at this moment starts anew by itself.
		_, _ = r.engine.Client().ContainerKill(ctx, g.ID, client.ContainerKillOptions{Signal: "HUP"})
	}
	return nil
}

func (r *Runner) mayWake(gateway string, now bool) bool {
	r.waking.Lock()
	defer r.waking.Unlock()
	if !now && time.Since(r.woken[gateway]) < wakeEvery {
		return false
	}
	r.woken[gateway] = time.Now()
	return true
}
