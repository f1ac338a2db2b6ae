package serve

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// bounded is the body of a request. ended is called once it was read to its end.
type bounded struct {
	io.ReadCloser
	ended func()

	mu  sync.Mutex
	err error
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.ended()
	case err != nil:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.err = err
	}
	return n, err
}

// failure is why the body could not be read to its end.
func (b *bounded) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// patient is the answer to a client that has to take it in time.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Write implements io.Writer.
func (p patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(readTimeout))
	return p.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find the writer below.
func (p patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// watched is the body of an answer. broken is called with an error that is no end.
type watched struct {
	io.ReadCloser
	broken func(error)
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.broken(err)
	}
	return n, err
}
