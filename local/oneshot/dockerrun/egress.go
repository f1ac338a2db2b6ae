package dockerrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/oneshot"
)

// listenTimeout bounds the wait for a gateway; the canaries that it tries first are
// answered in milliseconds.
const listenTimeout = 30 * time.Second

// errListening ends the wait for a gateway.
var errListening = errors.New("it listens")

// listening waits until a gateway listens, which it does once all of its canaries
// were refused.
func listening(ctx context.Context, engine *docker.Engine, id string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, listenTimeout, fmt.Errorf("the gateway of the run does not listen after %s", listenTimeout))
	defer cancel()
	err := gateway.Follow(ctx, output{engine, id, true}, func(e protocol.Event) error {
		switch {
		case e.Event == protocol.EventCanary && e.Allowed:
			return &oneshot.Error{What: fmt.Sprintf("the gateway let a request to %q through", e.Host), Kind: "egress", At: "--egress", Exit: 1,
				Why: "it is to be refused whatever the hosts: " + e.Reason, Mend: "report it: the program was not started"}
		case e.Event == protocol.EventStart:
			return errListening
		}
		return nil
	})
	switch {
	case errors.Is(err, errListening):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// tried ends the gateway of a program that has ended, so that it writes what it
// only counted, and returns what the program tried to reach.
func (w place) tried(ctx context.Context, engine *docker.Engine) (*oneshot.Egress, error) {
	if w.gateway == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), groundTimeout)
	defer cancel()
	seconds := 2
	if _, err := engine.Client().ContainerStop(ctx, w.gateway, client.ContainerStopOptions{Timeout: &seconds}); err != nil {
		return nil, fmt.Errorf("end the gateway of the run: %w", err)
	}
	seen := &oneshot.Egress{}
	err := gateway.Follow(ctx, output{engine, w.gateway, false}, func(e protocol.Event) error {
		if e.Event == protocol.EventEgress && e.App == w.client {
			seen.Add(e.Host, e.Allowed, e.Reason, e.Count)
		}
		return nil
	})
	if errors.Is(err, gateway.ErrStopped) {
		err = nil
	}
	return seen, err
}

// output is what a gateway's container wrote. It implements [gateway.LogSource].
type output struct {
	engine *docker.Engine
	id     string
	follow bool
}

// Logs implements [gateway.LogSource].
func (o output) Logs(ctx context.Context) (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() {
		_ = w.CloseWithError(o.engine.Logs(ctx, o.id, docker.LogOptions{Follow: o.follow}, w, io.Discard))
	}()
	return r, nil
}
