package serve

import (
	"context"
	"sync"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// maxNotes bounds the different events that are held at a time: what makes them
// differ is partly what workloads say.
const maxNotes = 256

// notes tells events that may come often: one like another is only counted for the
// time quiet, and told then.
type notes struct {
	events *emitter

	mu   sync.Mutex
	held map[protocol.Event]int // times since it was told
}

func newNotes(events *emitter) *notes {
	return &notes{events: events, held: map[protocol.Event]int{}}
}

// note tells e, or counts it where one like it was told a moment ago. Where too many
// different ones are held, those of an app are told apart by their kind alone.
func (n *notes) note(e protocol.Event) {
	e.Reason, e.Host, e.Resource = protocol.Reason(e.Reason), protocol.Reason(e.Host), protocol.Reason(e.Resource)
	n.mu.Lock()
	defer n.mu.Unlock()
	_, known := n.held[e]
	if !known && len(n.held) >= maxNotes {
		e = protocol.Event{Event: e.Event, App: e.App, Allowed: e.Allowed, Reason: "more than can be told one by one"}
		_, known = n.held[e]
	}
	if known {
		n.held[e]++
		return
	}
	n.held[e] = 0
	e.Count = 1
	n.events.emit(e)
}

// run tells what was counted, again and again until ctx ends.
func (n *notes) run(ctx context.Context) error {
	for sleep(ctx, quiet) {
		n.tell()
	}
	return nil
}

// tell tells what was counted, and forgets what has not happened again.
func (n *notes) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for e, count := range n.held {
		if count == 0 {
			delete(n.held, e)
			continue
		}
		n.held[e] = 0
		e.Count = count
		n.events.emit(e)
	}
}
