package acr

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/envctl/envctl/components/azure/armsim/fault"
)

// faulty gives requests of content the faults with Op pull or push: an error, or a
// connection that breaks, with Cut in the middle of what is sent.
func (a *Auth) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := "push"
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			op = "pull"
		}
		if r.Header.Get("Authorization") == "" {
			next.ServeHTTP(w, r) // only a challenge
			return
		}
		f := a.Faults.Match("Microsoft.ContainerRegistry/registries", op, a.Name)
		if f == nil {
			next.ServeHTTP(w, r)
			return
		}
		for key, value := range f.Headers {
			w.Header().Set(key, value)
		}
		switch {
		case f.Status != 0:
			answer(w, f.Status, map[string]any{"errors": []any{map[string]any{"code": f.Code, "message": f.Message}}})
		case f.Wire == fault.DropBefore:
			panic(http.ErrAbortHandler)
		case f.Wire == fault.Cut && op == "push":
			r.Body = &broken{ReadCloser: r.Body, left: r.ContentLength / 2}
			next.ServeHTTP(discard{w}, r)
			panic(http.ErrAbortHandler)
		case f.Wire == fault.Cut:
			next.ServeHTTP(&cutter{ResponseWriter: w, left: -1}, r)
			panic(http.ErrAbortHandler)
		case f.Wire == fault.DropAfter:
			next.ServeHTTP(discard{w}, r)
			panic(http.ErrAbortHandler)
		default:
			next.ServeHTTP(w, r)
		}
	})
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
