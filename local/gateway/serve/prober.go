package serve

import (
	"context"
	"sync"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	// An app that has not been healthy yet is checked after pollFirst, then
	// ever more slowly up to pollSlowest: an app that is up in 0.1 s is seen
	// within 30 ms, and one that takes a minute costs 4 checks a second.
	pollFirst   = 25 * time.Millisecond
	pollSlowest = 250 * time.Millisecond
)

// checks is what a prober asks of the network.
type checks interface {
	// running reports whether the container of an app runs.
	running(context.Context, protocol.Probe) bool
	// check runs the check of an app.
	check(context.Context, protocol.Probe) outcome
}

// prober checks every app from the start, each in a goroutine of its own.
type prober struct {
	probes []protocol.Probe
	checks checks
	board  *board
	events *emitter
	anew   bell // rings when what is known of the apps is of no use
}

func newProber(cfg protocol.Health, dial *dialer, board *board, events *emitter) *prober {
	return &prober{probes: cfg.Probes, checks: checker{dial}, board: board, events: events}
}

func (p *prober) run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, probe := range p.probes {
		group.Go(func() { p.watch(ctx, probe) })
	}
	group.Wait()
	return nil
}

// watch checks one app for good. When the bell rings, it begins from nothing: a
// container was replaced, and what was known is of another one.
func (p *prober) watch(ctx context.Context, probe protocol.Probe) {
	for ctx.Err() == nil {
		episode, end := until(ctx, p.anew.wait())
		p.follow(episode, probe)
		end()
	}
}

// follow checks one app until ctx ends.
func (p *prober) follow(ctx context.Context, probe protocol.Probe) {
	h := newHealth(probe, time.Now())
	p.publish(h)
	pace := pollFirst
	for {
		reached := !h.reached.IsZero()
		o := p.attempt(ctx, h)
		if ctx.Err() != nil {
			return
		}
		changed := h.observe(o, time.Now())
		p.board.set(h.status())
		if changed {
			p.publish(h)
		}
		if !reached && !h.reached.IsZero() {
			pace = pollFirst // the container has started this moment
		}
		if !sleep(ctx, h.pause(pace)) {
			return
		}
		pace = min(pace*5/4, pollSlowest)
	}
}

// attempt runs one check, which ends with the check's timeout or with the time
// that the app has for its start. An app that has not been seen running is first
// looked for.
func (p *prober) attempt(ctx context.Context, h *health) outcome {
	if h.reached.IsZero() {
		if !p.checks.running(ctx, h.probe) {
			return outcome{reason: errNotRunning.Error()}
		}
		h.reached = time.Now()
	}
	limit := protocol.Seconds(h.probe.Timeout)
	if left, counting := h.graceLeft(time.Now()); counting {
		limit = min(limit, max(left, pollFirst))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return p.checks.check(ctx, h.probe)
}

func (p *prober) publish(h *health) {
	p.board.set(h.status())
	p.events.emit(protocol.Event{Event: protocol.EventHealth, App: h.probe.App, State: h.state, Reason: h.reason})
}

// pause returns how long to wait for the next check: pace until the app has
// been up, its interval from then on.
func (h *health) pause(pace time.Duration) time.Duration {
	if h.state != protocol.StateStarting {
		return protocol.Seconds(h.probe.Interval)
	}
	if left, counting := h.graceLeft(time.Now()); counting {
		return min(pace, max(left, time.Millisecond))
	}
	return pace
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
