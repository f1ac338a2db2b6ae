package protocol

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The kinds of event.
const (
	// EventStart is the first event of a gateway: it is listening.
	EventStart = "start"
	// EventHealth says that an app's state changed.
	EventHealth = "health"
	// EventIngress says that requests of an app were not answered by it.
	EventIngress = "ingress"
	// EventEgress says that a workload wanted to reach a host, and what came of it.
	// Refusals are all there; what was let through is there once for each app and
	// host in a while, with a count.
	EventEgress = "egress"
	// EventIdentity says that a workload asked for a token, and what came of it.
	EventIdentity = "identity"
	// EventModels says that a request for a model did not get to the host's side.
	EventModels = "models"
	// EventCanary says that what must be refused was tried, and whether it was. One
	// that was not refused is the gateway's last event but EventStop.
	EventCanary = "canary"
	// EventStop is the last event of a gateway that ended by itself or by a signal.
	EventStop = "stop"
)

// State is how an app does.
type State string

// The states of an app.
const (
	StateStarting  State = "starting"  // has not been healthy yet
	StateHealthy   State = "healthy"   // the last check passed, or fewer than Retries failed since
	StateUnhealthy State = "unhealthy" // was healthy, then Retries checks in a row failed
	StateNeverUp   State = "never-up"  // has not been healthy within Grace; a later success still makes it healthy
)

// Event is one line of a gateway's standard output.
type Event struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	App    string    `json:"app,omitempty"`
	State  State     `json:"state,omitempty"`  // of EventHealth
	Reason string    `json:"reason,omitempty"` // at most MaxReason bytes, one line
	Count  int       `json:"count,omitempty"`  // requests since the last event like it
	// Host is what EventEgress and EventCanary are about, HOST:PORT, and Resource
	// what EventIdentity is about; both are what a workload said, made fit by Reason.
	Host     string `json:"host,omitempty"`
	Resource string `json:"resource,omitempty"`
	// Allowed says that a workload got what it wanted.
	Allowed bool    `json:"allowed,omitempty"`
	After   float64 `json:"after"` // seconds since the gateway started
}

// Status is the answer to `gateway status`.
type Status struct {
	Apps []AppStatus `json:"apps"`
}

// AppStatus is the present state of one app.
type AppStatus struct {
	App    string    `json:"app"`
	State  State     `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"` // when State began
}

// MaxReason is the longest reason in bytes.
const MaxReason = 256

// Reason makes text fit for [Event.Reason]: valid UTF-8 without control
// characters, so that it cannot break a line or drive a terminal, and bounded.
func Reason(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) <= MaxReason {
		return text
	}
	end := MaxReason - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// maxLine is the longest line that a [Reader] looks at, in bytes; it is above
// what the longest Event needs.
const maxLine = 8 << 10

// Reader reads events from a gateway's standard output.
type Reader struct {
	in *bufio.Reader
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, maxLine)}
}

// Next returns the next event. Lines that are not events (too long, not JSON,
// no known state) are skipped: the output of a container is not trusted to be
// well-formed. The error is that of the underlying reader, io.EOF at its end.
func (r *Reader) Next() (Event, error) {
	for {
		line, err := r.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if err := r.skipLine(); err != nil {
				return Event{}, err
			}
			continue
		}
		if event, ok := parse(line); ok {
			return event, nil
		}
		if err != nil {
			return Event{}, err
		}
	}
}

func (r *Reader) skipLine() error {
	for {
		_, err := r.in.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func parse(line []byte) (Event, bool) {
	var e Event
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &e) != nil {
		return Event{}, false
	}
	switch e.Event {
	case EventHealth:
		if !isLabel(e.App) || !e.State.known() {
			return Event{}, false
		}
	case EventIngress:
		if !isLabel(e.App) {
			return Event{}, false
		}
	case EventEgress, EventIdentity, EventModels:
		if e.App != "" && !isLabel(e.App) { // empty: nobody that is known
			return Event{}, false
		}
	case EventStart, EventStop, EventCanary:
	default:
		return Event{}, false
	}
	e.Reason, e.Host, e.Resource = Reason(e.Reason), Reason(e.Host), Reason(e.Resource)
	return e, true
}

func (s State) known() bool {
	switch s {
	case StateStarting, StateHealthy, StateUnhealthy, StateNeverUp:
		return true
	}
	return false
}
