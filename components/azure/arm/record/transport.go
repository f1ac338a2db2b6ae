package record

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// Transport returns a round tripper that records what goes through next; next
// itself for a nil Recorder. With bodies the answers' bodies are recorded when
// they have been read to their end or closed; without, neither the request's
// nor the answer's is.
func (r *Recorder) Transport(next http.RoundTripper, bodies bool) http.RoundTripper {
	if r == nil {
		return next
	}
	return &transport{recorder: r, next: next, bodies: bodies}
}

type transport struct {
	recorder *Recorder
	next     http.RoundTripper
	bodies   bool
}

// RoundTrip sends the request and records it.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	redact := t.recorder.redact
	begin := time.Now()
	e := Exchange{Time: begin.UTC(), Request: Request{
		Method: req.Method, URL: redact.URL(req.URL.String()), Header: redact.Header(req.Header),
	}}
	if t.bodies && req.Body != nil && req.Body != http.NoBody {
		sent, err := io.ReadAll(req.Body)
		_ = req.Body.Close() // read whole; a round tripper closes the body
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(sent))
		e.Request.Body = encode(redact.Body(req.Header.Get("Content-Type"), sent))
	}
	resp, err := t.next.RoundTrip(req)
	e.MS = time.Since(begin).Milliseconds()
	if err != nil {
		e.Error = redact.Text(err.Error())
		t.recorder.write(e)
		return nil, err
	}
	e.Response = &Response{Status: resp.StatusCode, Header: redact.Header(resp.Header)}
	if !t.bodies {
		e.Response.Streamed = true
		t.recorder.write(e)
		return resp, nil
	}
	resp.Body = &body{ReadCloser: resp.Body, done: func(got []byte, err error) {
		e.Response.Body = encode(redact.Body(resp.Header.Get("Content-Type"), got))
		if err != nil {
			e.Error = redact.Text(err.Error())
		}
		t.recorder.write(e)
	}}
	return resp, nil
}

// body keeps what is read of a body and hands it over once: at its end, at an
// error, or when it is closed before.
type body struct {
	io.ReadCloser
	got  bytes.Buffer
	done func(got []byte, err error)
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.got.Write(p[:n])
	switch err {
	case nil:
	case io.EOF:
		b.finish(nil)
	default:
		b.finish(err)
	}
	return n, err
}

func (b *body) Close() error {
	b.finish(nil)
	return b.ReadCloser.Close()
}

func (b *body) finish(err error) {
	if b.done != nil {
		b.done(b.got.Bytes(), err)
		b.done = nil
	}
}
