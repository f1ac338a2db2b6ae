// Package serve is the program inside a gateway's container: it lets connections
// in to the apps of a sandbox, watches their health and tells what it sees.
//
// It imports the standard library and the gateway's protocol only, because every
// dependency would be carried, in a binary of its own, by each envctl. A function
// of the gateway (ingress, health, status) is one value with a run method in its
// own file; [Run] starts those that the configuration names.
package serve

import (
	"context"
	"fmt"
	"io"
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
}

// function is one thing that a gateway does until its context ends. An error
// ends the gateway.
type function func(ctx context.Context) error

// Run serves cfg until ctx ends, then stops in order and returns nil.
func Run(ctx context.Context, cfg protocol.Config, opts Options) error {
	events := newEmitter(opts.Out)
	dial := newDialer()
	board := newBoard(cfg.Health)

	prober := newProber(cfg.Health, dial, board, events)
	functions := []function{
		prober.run,
		func(ctx context.Context) error { return ringFor(ctx, &prober.anew, opts.Anew) },
	}
	entrance, err := listen(ctx, cfg.Ingress, dial, events)
	if err != nil {
		return err
	}
	functions = append(functions, entrance.run)
	if opts.Status != "" {
		socket, err := listenStatus(ctx, opts.Status, board)
		if err != nil {
			entrance.close()
			return err
		}
		functions = append(functions, socket.run)
	}
	events.emit(protocol.Event{Event: protocol.EventStart, Reason: summary(cfg)})
	err = together(ctx, functions)
	events.stop(err)
	return err
}

func summary(cfg protocol.Config) string {
	return fmt.Sprintf("%d routes, %d probes", len(cfg.Ingress.Routes), len(cfg.Health.Probes))
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
