// Package serve is the program inside a gateway's container: it lets connections
// in to the apps of a sandbox, watches their health and tells what it sees. What it
// checks of tokens and models, a host checks with it for connections of its own
// ([Direct]).
//
// It imports the standard library and packages of the gateway that do the same,
// because every dependency would be carried, in a binary of its own, by each envctl.
// A function of the gateway (ingress, health, status) is one value with a run method in its
// own file; [Run] starts those that the configuration names.
package serve

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// Options are what a gateway takes from its surroundings.
type Options struct {
	Out    io.Writer // takes the events
	Status string    // address of the status socket; empty: none
	// Anew asks for each value to check every app as if the gateway had just
	// started; nil: nobody asks.
	Anew <-chan os.Signal
	// Key is what tokens and the authority of models come from; see protocol.EnvKey.
	Key string
	// Tunnel is the address of the socket that the host side of models comes by.
	Tunnel string

	outward *outward     // how egress gets out; nil: to the internet
	inside  []netip.Addr // addresses on the networks without a way out; nil: looked for
}

// listenInside is listenAtInside at the addresses of these options.
func (o Options) listenInside(ctx context.Context, what string, port int) ([]net.Listener, error) {
	if o.inside != nil {
		return listenAt(ctx, what, o.inside, port)
	}
	return listenAtInside(ctx, what, port)
}

// function is one thing that a gateway does until its context ends. An error
// ends the gateway.
type function func(ctx context.Context) error

// Run serves cfg until ctx ends, then stops in order and returns nil.
func Run(ctx context.Context, cfg protocol.Config, opts Options) error {
	events := newEmitter(opts.Out)
	notes := newNotes(events)
	functions, err := open(ctx, cfg, opts, events, notes)
	if err != nil {
		events.stop(err)
		return err
	}
	events.emit(protocol.Event{Event: protocol.EventStart, Reason: summary(cfg)})
	err = together(ctx, functions)
	notes.tell()
	events.stop(err)
	return err
}

// open opens every listener of cfg and returns what serves them. An error leaves
// nothing open.
func open(ctx context.Context, cfg protocol.Config, opts Options, events *emitter, notes *notes) (functions []function, err error) {
	dial, board := newDialer(), newBoard(cfg.Health)
	var opened []func()
	defer func() {
		for _, close := range opened {
			if err != nil {
				close()
			}
		}
	}()
	prober := newProber(cfg.Health, dial, board, events)
	functions = []function{
		prober.run,
		func(ctx context.Context) error { return ringFor(ctx, &prober.anew, opts.Anew) },
		notes.run,
	}
	entrance, err := listen(ctx, cfg.Ingress, dial, board, events)
	if err != nil {
		return nil, err
	}
	functions, opened = append(functions, entrance.run), append(opened, entrance.close)
	way, err := listenEgress(ctx, cfg.Egress, dial, opts, events)
	if err != nil {
		return nil, err
	}
	functions, opened = append(functions, way.run), append(opened, way.close)
	services, err := openServices(ctx, cfg, opts, dial, notes)
	if err != nil {
		return nil, err
	}
	functions, opened = append(functions, services.run), append(opened, services.close)
	if opts.Status != "" {
		socket, err := listenStatus(ctx, opts.Status, board, way.tell)
		if err != nil {
			return nil, err
		}
		functions = append(functions, socket.run)
	}
	return functions, nil
}

func summary(cfg protocol.Config) string {
	text := fmt.Sprintf("%d routes, %d probes", len(cfg.Ingress.Routes), len(cfg.Health.Probes))
	if n := len(cfg.Egress.Clients); n > 0 {
		text += fmt.Sprintf(", egress of %d", n)
	}
	if n := len(cfg.Identity.Clients); n > 0 {
		text += fmt.Sprintf(", identity of %d", n)
	}
	if n := len(cfg.Models.Clients); n > 0 {
		text += fmt.Sprintf(", models of %d", n)
	}
	if cfg.Identity.Forward {
		text += ", identity of the host"
	}
	if cfg.Models.Forward {
		text += ", models of the host"
	}
	return text
}

// together runs functions at once and waits for all of them. The first error
// ends the others and is returned.
func together(ctx context.Context, functions []function) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	var once sync.Once
	var first error
	for _, f := range functions {
		group.Go(func() {
			if err := f(ctx); err != nil {
				once.Do(func() { first = err; cancel(err) })
			}
		})
	}
	group.Wait()
	return first
}
