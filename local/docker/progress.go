package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/moby/api/types/jsonstream"
)

// StepState is what happened to a step.
type StepState string

// The states of a step.
const (
	StepStarted  StepState = "started"
	StepLog      StepState = "log"      // a line of output
	StepProgress StepState = "progress" // bytes moved
	StepDone     StepState = "done"
	StepFailed   StepState = "failed"
)

// BuildEvent is one thing that happened in a build or a pull.
type BuildEvent struct {
	Step    string    `json:"step"` // as in "[2/3] RUN make"
	State   StepState `json:"state"`
	Cached  bool      `json:"cached,omitempty"`  // done without work
	Seconds float64   `json:"seconds,omitempty"` // of a step that ended
	Log     string    `json:"log,omitempty"`     // a line, without its end
	Stderr  bool      `json:"stderr,omitempty"`  // the line was written to standard error
	Detail  string    `json:"detail,omitempty"`  // of progress: what moves
	Current int64     `json:"current,omitempty"` // bytes
	Total   int64     `json:"total,omitempty"`   // bytes; 0 when unknown
	Error   string    `json:"error,omitempty"`   // of a step that failed
}

// keptLines is how many of a step's last lines an error can show.
const keptLines = 20

// progress turns BuildKit's trace into events and remembers what failed.
type progress struct {
	events func(BuildEvent)
	steps  map[string]*step // by digest
	broken *step            // the first that failed; nil when none did
}

type step struct {
	name          string
	started, done bool
	err           string
	partial       [2]string // unfinished lines of stdout and stderr
	lines         []string
}

func newProgress(events func(BuildEvent)) *progress {
	if events == nil {
		events = func(BuildEvent) {}
	}
	return &progress{events: events, steps: map[string]*step{}}
}

// read follows a build's answer to its end. failure is the engine's message
// when the build failed.
func (p *progress) read(r io.Reader) (id, failure string, err error) {
	for dec := json.NewDecoder(r); ; {
		var m jsonstream.Message
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return id, failure, nil
		} else if err != nil {
			return id, failure, err
		}
		switch {
		case m.Error != nil:
			failure = m.Error.Message
		case m.Aux == nil:
		case m.ID == "moby.buildkit.trace":
			if err := p.trace(*m.Aux); err != nil {
				return id, failure, err
			}
		case m.ID == "moby.image.id":
			var image struct{ ID string }
			if err := json.Unmarshal(*m.Aux, &image); err != nil {
				return id, failure, err
			}
			id = image.ID
		}
	}
}

// trace decodes one protobuf message in base64.
func (p *progress) trace(aux json.RawMessage) error {
	var data []byte
	if err := json.Unmarshal(aux, &data); err != nil {
		return fmt.Errorf("BuildKit's trace: %w", err)
	}
	var status control.StatusResponse
	if err := status.UnmarshalVT(data); err != nil {
		return fmt.Errorf("BuildKit's trace: %w", err)
	}
	for _, v := range status.Vertexes {
		p.vertex(v)
	}
	for _, s := range status.Statuses {
		if st := p.steps[s.Vertex]; st != nil && !st.done && s.Completed == nil {
			p.events(BuildEvent{Step: st.name, State: StepProgress, Detail: s.ID, Current: s.Current, Total: s.Total})
		}
	}
	for _, l := range status.Logs {
		p.log(l)
	}
	return nil
}

func (p *progress) vertex(v *control.Vertex) {
	st := p.steps[v.Digest]
	if st == nil {
		st = &step{name: v.Name}
		p.steps[v.Digest] = st
	}
	if v.Started != nil && !st.started {
		st.started = true
		p.events(BuildEvent{Step: st.name, State: StepStarted})
	}
	if v.Error != "" {
		p.fail(st, v.Error)
	}
	if v.Completed == nil || st.done {
		return
	}
	st.done = true
	p.flush(st)
	event := BuildEvent{Step: st.name, State: StepDone, Cached: v.Cached, Error: st.err}
	if v.Started != nil {
		event.Seconds = v.Completed.AsTime().Sub(v.Started.AsTime()).Seconds()
	}
	if st.err != "" {
		event.State = StepFailed
	}
	p.events(event)
}

// fail notes the first step that failed of itself: others are then cancelled.
func (p *progress) fail(st *step, message string) {
	st.err = message
	if p.broken == nil && !strings.Contains(message, "context canceled") {
		p.broken = st
	}
}

func (p *progress) log(l *control.VertexLog) {
	st := p.steps[l.Vertex]
	if st == nil {
		return
	}
	stream := 0
	if l.Stream == 2 {
		stream = 1
	}
	text := st.partial[stream] + string(l.Msg)
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			break
		}
		p.line(st, line, stream == 1)
		text = rest
	}
	st.partial[stream] = text
}

// flush gives the last lines, which had no end.
func (p *progress) flush(st *step) {
	for stream, text := range st.partial {
		if text != "" {
			p.line(st, text, stream == 1)
		}
		st.partial[stream] = ""
	}
}

func (p *progress) line(st *step, text string, stderr bool) {
	text = strings.TrimSuffix(text, "\r")
	if len(st.lines) == keptLines {
		st.lines = append(st.lines[:0], st.lines[1:]...)
	}
	st.lines = append(st.lines, text)
	p.events(BuildEvent{Step: st.name, State: StepLog, Log: text, Stderr: stderr})
}
