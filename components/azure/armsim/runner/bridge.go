package runner

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
)

const (
	// bridgeLook is the longest between two looks at what gateways there are; the
	// engine's own word of one that starts comes sooner.
	bridgeLook = 2 * time.Second
	// bridgeFresh is how long there may be no gateway at first, bridgeGone how long
	// later, and bridgeIdle how long the engine may not answer.
	bridgeFresh = 2 * time.Minute
	bridgeGone  = 10 * time.Second
	bridgeIdle  = 5 * time.Minute
)

// Bridge answers what apps and jobs of all environments ask of identities and models
// by handler, which is what the simulator gives as run.Spec.Platform. It attaches to
// every gateway, again after a gateway was made anew, and returns nil when ctx ends,
// when nobody needs it any more, or when another process does the same.
func (r *Runner) Bridge(ctx context.Context, handler http.Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	b := &bridge{runner: r, handler: handler, attached: map[string]bool{}, replaced: cancel}
	defer b.running.Wait()
	defer cancel()
	started := r.started(ctx)
	ticker := time.NewTicker(bridgeLook)
	defer ticker.Stop()
	for needed := time.Now(); ; {
		patience, err := b.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case patience == 0:
			needed = time.Now()
		case time.Since(needed) >= patience:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-started:
		}
	}
}

// bridge is the work of one process.
type bridge struct {
	runner   *Runner
	handler  http.Handler
	replaced func() // another process does the work
	seen     bool   // there was a gateway once
	running  sync.WaitGroup

	mu       sync.Mutex
	attached map[string]bool // by id of the container
}

// look attaches to what gateways there are. Where it finds none it says how long it
// may stay so, and with which error to end then.
func (b *bridge) look(ctx context.Context) (patience time.Duration, err error) {
	if _, gone := os.Stat(b.runner.dir); gone != nil {
		return time.Nanosecond, nil // and with the folder all that there was to do
	}
	gateways, err := b.runner.asking(ctx)
	switch {
	case err != nil:
		return bridgeIdle, err
	case len(gateways) == 0 && b.seen:
		return bridgeGone, nil
	case len(gateways) == 0:
		return bridgeFresh, nil
	}
	b.seen = true
	for _, g := range gateways {
		if g.State == "running" && b.claim(g.ID) {
			b.running.Go(func() { b.attach(ctx, g.ID) })
		}
	}
	return 0, nil
}

func (b *bridge) claim(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.attached[id]
	b.attached[id] = true
	return !was
}

// The waits after a connection that ended.
const (
	attachFirst = 50 * time.Millisecond
	attachLast  = time.Second
)

// attach serves a gateway until its container does not run any more.
func (b *bridge) attach(ctx context.Context, id string) {
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.attached, id)
	}()
	for wait := attachFirst; ; wait = min(2*wait, attachLast) {
		began := time.Now()
		conn, err := b.runner.engine.ExecStream(ctx, id, gateway.TunnelCommand())
		if err == nil {
			err = gateway.Attach(ctx, conn, b.handler, nil)
		}
		if errors.Is(err, gateway.ErrReplaced) {
			b.replaced()
			return
		}
		found, ok, err := b.runner.engine.Inspect(ctx, id)
		if ctx.Err() != nil || err == nil && (!ok || found.State == nil || !found.State.Running) {
			return
		}
		if time.Since(began) > attachLast {
			wait = attachFirst
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// asking are the gateways that pass something on.
func (r *Runner) asking(ctx context.Context) ([]docker.Container, error) {
	list, err := r.find(ctx, LabelKind, kindGateway)
	return slices.DeleteFunc(list, func(c docker.Container) bool { return c.Labels[labelServices] == "" }), err
}

// Asking says whether any environment has a gateway that needs [Runner.Bridge].
func (r *Runner) Asking(ctx context.Context) (bool, error) {
	list, err := r.asking(ctx)
	return len(list) > 0, err
}

// started tells when the engine says that a gateway starts, for as long as it says
// anything.
func (r *Runner) started(ctx context.Context) <-chan struct{} {
	filters := client.Filters{}.Add("type", "container").Add("event", "start")
	for name, value := range r.mine(LabelKind, kindGateway) {
		filters.Add("label", name+"="+value)
	}
	events := r.engine.Client().Events(ctx, client.EventsListOptions{Filters: filters})
	out := make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-events.Messages:
				select {
				case out <- struct{}{}:
				default:
				}
			case <-events.Err: // the looks go on
				return
			}
		}
	}()
	return out
}
