package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

// recording answers from a file, byte for byte as a server once answered. What the
// file does not have is asked of that server, where one is configured, and recorded;
// otherwise it is an error, so that a test with a whole recording needs no network.
//
// The file has one answer a line as JSON, for people to review and for version
// control: no headers, so no credentials, and only whole answers with status 200. A
// request is known by its kind and its body, in which spaces and the order of keys
// do not count and the model has its name in the definition; the same request has
// the same answer every time.
type recording struct {
	path string
	from provider // nil: only what is there

	mu      sync.Mutex
	entries map[string]entry
}

// entry is one line.
type entry struct {
	Key     string          `json:"key"`
	Kind    string          `json:"kind"`
	Request json.RawMessage `json:"request"`
	Type    string          `json:"type"`             // Content-Type
	Body    string          `json:"body,omitempty"`   // of an answer that is no stream
	Bytes   []byte          `json:"bytes,omitempty"`  // instead of Body, where that is not UTF-8
	Events  []string        `json:"events,omitempty"` // of a stream, as they came
}

func openRecording(path string, from provider) (*recording, error) {
	r := &recording{path: path, from: from}
	if err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// load reads the file. One that is not there has no answers.
func (r *recording) load() error {
	entries, err := readEntries(r.path)
	if err != nil {
		return fmt.Errorf("models: the recording %q: %w", r.path, err)
	}
	r.entries = map[string]entry{}
	for _, e := range entries {
		if _, ok := r.entries[e.Key]; !ok { // the first one stays
			r.entries[e.Key] = e
		}
	}
	return nil
}

func readEntries(path string) ([]entry, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []entry
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil || e.Key == "" {
			return nil, fmt.Errorf("line %d is no recorded answer (%v): remove the line, and it is recorded again", number, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// find looks for an answer, in the file again where another process may have
// recorded it.
func (r *recording) find(key string) (entry, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.entries[key]; ok {
		return e, true, nil
	}
	if err := r.load(); err != nil {
		return entry{}, false, err
	}
	e, ok := r.entries[key]
	return e, ok, nil
}

// answer implements [provider].
func (r *recording) answer(ctx context.Context, c *call) (*answer, error) {
	request, err := c.normal()
	if err != nil {
		return nil, err
	}
	key := keyOf(c.kind, request)
	e, ok, err := r.find(key)
	if err != nil {
		return nil, err
	}
	if ok {
		return e.answer(), nil
	}
	if r.from == nil {
		return nil, r.missing(c, key, request)
	}
	got, err := r.from.answer(ctx, c)
	if err != nil || got.status != http.StatusOK {
		return got, err
	}
	made := entry{Key: key, Kind: c.kind, Request: request, Type: got.header.Get("Content-Type")}
	got.body = &recorder{ReadCloser: got.body, done: func(raw []byte) error { return r.keep(made, raw) }}
	return got, nil
}

// missing names the request that the recording lacks.
func (r *recording) missing(c *call, key string, request []byte) error {
	const shown = 200
	text := strings.ToValidUTF8(string(request[:min(len(request), shown)]), "")
	out := refuse(http.StatusBadGateway, "not_recorded",
		"the recording %q has no answer to this request for %s of %q (%.12s), %s…: set targets.local.models.url and ask once to record it",
		r.path, c.kind, c.model, key, text)
	out.final = true
	return out
}

// keep takes a whole answer into the file.
func (r *recording) keep(e entry, raw []byte) error {
	if !e.take(raw) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return addEntry(r.path, e)
}

// take puts an answer into the entry; false where it is not whole.
func (e *entry) take(raw []byte) bool {
	if strings.HasPrefix(e.Type, "text/event-stream") {
		var took taken
		in := newEvents(bytes.NewReader(raw))
		for {
			got, err := in.next()
			if err != nil {
				return errors.Is(err, io.EOF) && (took.ended || took.said) && len(e.Events) > 0
			}
			if r := took.see(got.data); r.Error != nil && string(r.Error) != "null" || !utf8.Valid(got.raw) {
				return false
			}
			e.Events = append(e.Events, string(got.raw))
		}
	}
	if utf8.Valid(raw) {
		e.Body = string(raw)
	} else {
		e.Bytes = raw
	}
	return json.Valid(raw)
}

func (e entry) answer() *answer {
	body := e.Body + strings.Join(e.Events, "")
	if len(e.Bytes) > 0 {
		body = string(e.Bytes)
	}
	return &answer{
		status: http.StatusOK, header: http.Header{"Content-Type": {e.Type}}, body: io.NopCloser(strings.NewReader(body)),
	}
}

// normal is the request's body as a recording has it: keys in order, without spaces,
// numbers as they were.
func (c *call) normal() ([]byte, error) {
	raw, err := c.body(c.model)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

func keyOf(kind string, request []byte) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "POST /%s\n%s", kind, request))
	return hex.EncodeToString(sum[:])
}
