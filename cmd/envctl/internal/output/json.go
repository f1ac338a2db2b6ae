package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/envctl/envctl/stacks"
)

// jsonPrinter prints one object on stdout at the end; progress is left out.
type jsonPrinter struct {
	out, err  io.Writer
	simulated bool
	mu        sync.Mutex
	log       []LogLine
}

func (*jsonPrinter) Event(stacks.Event)   {}
func (p *jsonPrinter) Notice(text string) { notice(p.err, text) }

// Log keeps the line for the object.
func (p *jsonPrinter) Log(_ string, l LogLine) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, l)
	return nil
}

func (p *jsonPrinter) Finish(d Document, f *Failure) error {
	if logs, ok := d.(*Logs); ok {
		logs.Lines = p.log
	}
	object, err := encodeMarked(d, f, p.simulated)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, object, "", "  "); err != nil {
		return fmt.Errorf("indent the result: %w", err)
	}
	b.WriteByte('\n')
	_, err = p.out.Write(b.Bytes())
	return err
}

// ndjsonPrinter prints each event as a line when it comes, and the object of
// jsonPrinter as the last line.
type ndjsonPrinter struct {
	mu        sync.Mutex
	out, err  io.Writer
	clock     Clock
	simulated bool
	failed    error // the first error of writing; nothing is written after it
}

// Event keeps an error for Finish. An event without a time is of now.
func (p *ndjsonPrinter) Event(e stacks.Event) {
	if e.Time.IsZero() {
		e.Time = p.clock.Now()
	}
	_ = p.line(e)
}

func (p *ndjsonPrinter) Notice(text string) { notice(p.err, text) }

// Log prints the line as an object.
func (p *ndjsonPrinter) Log(_ string, l LogLine) error { return p.line(l) }

// line prints one value that is no result: an event or a line of a log.
func (p *ndjsonPrinter) line(v any) error {
	b, err := marshal(v)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil && err != nil {
		p.failed = err
	}
	if p.failed == nil {
		_, p.failed = p.out.Write(append(b, '\n'))
	}
	return p.failed
}

func (p *ndjsonPrinter) Finish(d Document, f *Failure) error {
	object, err := encodeMarked(d, f, p.simulated)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	if err == nil {
		_, err = p.out.Write(append(object, '\n'))
	}
	return err
}

// encodeMarked is encode with the member "simulated": true where a simulator
// answered and the document does not say so itself.
func encodeMarked(d Document, f *Failure, simulated bool) ([]byte, error) {
	object, err := encode(d, f)
	if err != nil || !simulated {
		return object, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, fmt.Errorf("the result is no JSON object: %w", err)
	}
	if _, told := members["simulated"]; told {
		return object, nil
	}
	return append(bytes.TrimSuffix(object, []byte("}")), `,"simulated":true}`...), nil
}

// encode returns the one object: the document, the failure under "error", or the
// document with the failure as its member "error".
func encode(d Document, f *Failure) ([]byte, error) {
	if d == nil {
		return marshal(struct {
			SchemaVersion int      `json:"schemaVersion"`
			Error         *Failure `json:"error,omitempty"`
		}{stacks.SchemaVersion, f})
	}
	object, err := marshal(d)
	if err != nil || f == nil {
		return object, err
	}
	failure, err := marshal(f)
	if err != nil {
		return nil, err
	}
	object = append(bytes.TrimSuffix(object, []byte("}")), `,"error":`...)
	return append(append(object, failure...), '}'), nil
}

// marshal encodes v without escaping <, > and &, which only HTML needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the result as JSON: %w", err)
	}
	return escape(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// escape writes the characters that [Clean] takes out, and that JSON may have as they
// are, as \uXXXX: the same value, and nothing that a terminal obeys.
func escape(object []byte) []byte {
	if plain(string(object)) {
		return object
	}
	var out bytes.Buffer
	for _, r := range string(object) {
		if r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.Bytes()
}

// notice prints one line for people. An error of stderr has nowhere to go.
func notice(w io.Writer, text string) { _, _ = io.WriteString(w, Clean(text)+"\n") }
