package serve

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// quiet is how long an ingress event like the last one is only counted.
const quiet = 10 * time.Second

// emitter writes events as lines of JSON, each with one Write.
type emitter struct {
	mu      sync.Mutex
	out     io.Writer
	started time.Time
	held    map[problem]*tally
}

// problem is what makes two ingress events alike.
type problem struct{ app, reason string }

type tally struct {
	last  time.Time
	count int // since last
}

func newEmitter(out io.Writer) *emitter {
	return &emitter{out: out, started: time.Now(), held: map[problem]*tally{}}
}

func (e *emitter) emit(event protocol.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.write(event, time.Now())
}

// ingress reports that a request of app was not answered by it. An event like
// an earlier one is written at most once in the time quiet, with a count. The
// reasons are a fixed set, so what is held is bounded by the number of apps.
func (e *emitter) ingress(app, reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key, now := problem{app, reason}, time.Now()
	t := e.held[key]
	if t == nil {
		t = &tally{}
		e.held[key] = t
	}
	t.count++
	if !t.last.IsZero() && now.Sub(t.last) < quiet {
		return
	}
	e.flush(key, t, now)
}

// stop writes what was only counted so far, then the last event.
func (e *emitter) stop(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for key, t := range e.held {
		if t.count > 0 {
			e.flush(key, t, now)
		}
	}
	last := protocol.Event{Event: protocol.EventStop, Reason: "told to stop"}
	if err != nil {
		last.Reason = err.Error()
	}
	e.write(last, now)
}

func (e *emitter) flush(key problem, t *tally, now time.Time) {
	e.write(protocol.Event{Event: protocol.EventIngress, App: key.app, Reason: key.reason, Count: t.count}, now)
	t.last, t.count = now, 0
}

func (e *emitter) write(event protocol.Event, now time.Time) {
	event.Time = now.UTC().Truncate(time.Millisecond)
	event.After = now.Sub(e.started).Truncate(time.Millisecond).Seconds()
	event.Reason = protocol.Reason(event.Reason)
	line, err := json.Marshal(event)
	if err != nil {
		return // cannot happen: an Event has only plain fields
	}
	// Nobody can be told that standard output is gone; the gateway serves on.
	_, _ = e.out.Write(append(line, '\n'))
}
