package fault

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Serve answers a request of a data plane with the answer broken as the fault says.
// With Cut, a download breaks off in its middle, and so does an upload.
func (f *Fault) Serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	uploads := r.Method != http.MethodGet && r.Method != http.MethodHead
	switch {
	case f.Wire == DropBefore:
		panic(http.ErrAbortHandler) // closes the connection
	case f.Wire == Cut && uploads:
		r.Body = &broken{ReadCloser: r.Body, left: r.ContentLength / 2}
		next.ServeHTTP(discard{w}, r)
		panic(http.ErrAbortHandler)
	case f.Wire == Cut:
		next.ServeHTTP(&cutter{ResponseWriter: w, left: -1}, r)
		panic(http.ErrAbortHandler)
	case f.Wire == DropAfter:
		next.ServeHTTP(discard{w}, r)
		panic(http.ErrAbortHandler)
	default:
		next.ServeHTTP(w, r)
	}
}

// broken is a request's body that breaks off.
type broken struct {
	io.ReadCloser
	left int64
}

func (b *broken) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the connection is broken: %w", io.ErrUnexpectedEOF)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// discard takes an answer that nobody will get.
type discard struct{ http.ResponseWriter }

func (discard) WriteHeader(int)             {}
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// cutter sends half of an answer.
type cutter struct {
	http.ResponseWriter
	left int64 // below zero: the header is not written yet
}

func (c *cutter) WriteHeader(status int) {
	n, err := strconv.ParseInt(c.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		n = 0
	}
	c.left = n / 2
	c.ResponseWriter.WriteHeader(status)
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.left < 0 {
		c.WriteHeader(http.StatusOK)
	}
	n := min(int64(len(p)), c.left)
	c.left -= n
	if _, err := c.ResponseWriter.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}
