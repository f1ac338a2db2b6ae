package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/docker/provider"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// gatewayLog is the output of a gateway's container since its latest start. It
// implements [gateway.LogSource].
type gatewayLog struct {
	engine    *docker.Engine
	container string
	follow    bool
}

// pollGateway is how often a gateway is looked for that is made at the same time
// as the apps that it watches.
const pollGateway = 20 * time.Millisecond

// Logs implements [gateway.LogSource]. With follow it waits for the container.
func (g gatewayLog) Logs(ctx context.Context) (io.ReadCloser, error) {
	started, err := g.started(ctx)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		err := g.engine.Logs(ctx, g.container, docker.LogOptions{Follow: g.follow, Since: started}, w, io.Discard)
		_ = w.CloseWithError(err)
	}()
	return r, nil
}

// latestRun is when the container's run before this one ended; zero for the
// first. The engine writes down that a container started after its program began,
// so what a quick program says at once is older than StartedAt.
func latestRun(s *container.State) (time.Time, error) {
	ended, err := time.Parse(time.RFC3339Nano, s.FinishedAt)
	if err != nil {
		return time.Time{}, fmt.Errorf("the engine says %q of when a container ended: %w", s.FinishedAt, err)
	}
	return ended, nil
}

// started waits for the container and returns when its latest run can have begun.
func (g gatewayLog) started(ctx context.Context) (time.Time, error) {
	for {
		c, ok, err := g.engine.Inspect(ctx, g.container)
		if err != nil {
			return time.Time{}, err
		}
		if ok && c.State != nil && c.State.Running {
			return latestRun(c.State)
		}
		if !g.follow {
			return time.Time{}, fmt.Errorf("gateway %s: %w", g.container, cerrdefs.ErrNotFound)
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("the gateway %s that watches over the app does not run: %w", g.container, context.Cause(ctx))
		case <-time.After(pollGateway):
		}
	}
}

// events calls handle with everything that the gateway said so far.
func (g gatewayLog) events(ctx context.Context, handle func(protocol.Event)) error {
	err := gateway.Follow(ctx, g, func(e protocol.Event) error { handle(e); return nil })
	if errors.Is(err, gateway.ErrStopped) {
		return nil // the end of what was said, not of the gateway
	}
	return err
}

// Ready returns once the app in a container answers, as its gateway sees it. It
// is what the docker provider waits with.
func Ready(engine *docker.Engine) func(context.Context, provider.ContainerInfo) error {
	return func(ctx context.Context, c provider.ContainerInfo) error {
		w := watch{
			log: gatewayLog{engine: engine, container: c.Labels[provider.LabelReady]},
			app: c.Labels[target.LabelComponent],
		}
		if w.app == target.Gateway {
			return waitBegun(ctx, w.log)
		}
		found, ok, err := engine.Inspect(ctx, c.ID)
		if err == nil && (!ok || found.State == nil) {
			err = fmt.Errorf("container %s: %w", c.Name, cerrdefs.ErrNotFound)
		}
		if err == nil {
			err = w.ofContainer(found.Created, found.State)
		}
		if err != nil {
			return err
		}
		return w.wait(ctx)
	}
}
