// Package record writes the exchanges of a client with Azure to a file, redacted
// by package redact, and reads such a file back.
//
// A recording is JSON Lines: one [Exchange] a line, in the order in which the
// answers came, in a file of its own for each client:
//
//	{"seq":1,"time":"2026-05-01T09:30:00.123Z","ms":210,
//	 "request":{"method":"PUT","url":"https://management.azure.com/subscriptions/…?api-version=2024-03-01",
//	            "header":{"Content-Type":["application/json"]},"body":{"location":"westeurope"}},
//	 "response":{"status":201,"header":{"Azure-Asyncoperation":["https://…"]},"body":{"id":"…"}}}
//
// body is JSON where the body was JSON, else a string; absent when there was
// none or when it was streamed ("streamed": true). An exchange without an
// answer has "error" in the place of "response"; one whose answer broke off has
// both. Package replay answers requests from a recording.
package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/envctl/envctl/components/azure/arm/redact"
)

// Exchange is a request and what came of it.
type Exchange struct {
	// Seq counts the exchanges of a file from 1.
	Seq int `json:"seq"`
	// Time is when the request was sent, UTC; MS how long the answer took, milliseconds.
	Time time.Time `json:"time"`
	MS   int64     `json:"ms"`
	// Request is what was sent.
	Request Request `json:"request"`
	// Response is the answer; nil when there was none.
	Response *Response `json:"response,omitempty"`
	// Error is why there was no answer, or where it broke off.
	Error string `json:"error,omitempty"`
}

// Request is a redacted request.
type Request struct {
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Header http.Header     `json:"header,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// Response is a redacted answer.
type Response struct {
	Status int             `json:"status"`
	Header http.Header     `json:"header,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
	// Streamed: the body was passed on and not recorded.
	Streamed bool `json:"streamed,omitempty"`
}

// Bytes are a recorded body as it went over the wire, but for what was redacted.
func Bytes(body json.RawMessage) []byte {
	var text string
	if json.Unmarshal(body, &text) == nil {
		return []byte(text)
	}
	return body
}

// encode is a body as an exchange has it, nil for none.
func encode(body any) json.RawMessage {
	switch body := body.(type) {
	case json.RawMessage:
		return body
	case string:
		if raw, err := json.Marshal(body); err == nil && body != "" {
			return raw
		}
	}
	return nil
}

// Recorder appends exchanges to a file. A nil Recorder records nothing.
type Recorder struct {
	redact redact.Redactor

	mu   sync.Mutex
	file *os.File
	seq  int
	err  error
}

// Open begins a recording in a new file of dir, which it makes when it is not
// there: only its owner may read the two. The file's name is the time, so that
// they sort.
func Open(dir string, now time.Time, r redact.Redactor) (*Recorder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the exchanges with Azure cannot be recorded in %q: %w; name a folder that can be written", dir, err)
	}
	file, err := os.CreateTemp(dir, "azure-"+now.UTC().Format("20060102T150405.000Z")+"-*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("the exchanges with Azure cannot be recorded in %q: %w; name a folder that can be written", dir, err)
	}
	return &Recorder{redact: r, file: file}, nil
}

// Path returns the file's path, "" for a nil Recorder.
func (r *Recorder) Path() string {
	if r == nil {
		return ""
	}
	return filepath.Clean(r.file.Name())
}

// Close ends the recording. It returns the first error of writing it.
func (r *Recorder) Close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil || errors.Is(r.err, os.ErrClosed) {
		return nil
	}
	err := errors.Join(r.err, r.file.Close())
	r.err = os.ErrClosed
	if err != nil {
		return fmt.Errorf("the recording %s is not whole: %w", r.file.Name(), err)
	}
	return nil
}

// write appends an exchange; an error is kept for Close, as the exchange itself
// must not fail for it.
func (r *Recorder) write(e Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	r.seq++
	e.Seq = r.seq
	line, err := json.Marshal(e)
	if err == nil {
		_, err = r.file.Write(append(line, '\n'))
	}
	r.err = err
}

// Read reads a recording.
func Read(path string) ([]Exchange, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Decode(path, file)
}

// Decode reads a recording called name from a reader. A last line that was cut,
// because its writer was killed, is left out.
func Decode(name string, in io.Reader) ([]Exchange, error) {
	var out []Exchange
	reader := bufio.NewReader(in)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		var e Exchange
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w; a recording has one exchange a line", name, number, err)
		}
		out = append(out, e)
	}
}
