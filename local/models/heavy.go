package models

import (
	"context"
	"io"
	"net/http"
)

const (
	// light is how many bytes of a request or an answer are held without ado. A host side
	// serves 250 calls at a time, as many as HTTP/2 has streams.
	light = 256 << 10
	// maxHeavy is how many calls with more are under way at a time: with the copies that
	// are made of a request and the longest answer 1 GiB.
	maxHeavy = 4
)

// weight is one call's share in what may be held.
type weight struct {
	server *Server
	heavy  bool
}

// weigh returns once the call may hold more than light bytes; others wait for it to end.
func (w *weight) weigh(ctx context.Context) error {
	if w.heavy {
		return nil
	}
	select {
	case w.server.heavy <- struct{}{}:
		w.heavy = true
		return nil
	case <-ctx.Done():
		return refuse(http.StatusServiceUnavailable, "busy", "other calls with more than %d bytes were under way", light)
	}
}

func (w *weight) end() {
	if w.heavy {
		<-w.server.heavy
	}
}

// readHeavy reads all of in; weigh is called before more than light bytes are held.
func readHeavy(in io.Reader, weigh func() error) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, light))
	if err != nil || len(raw) < light {
		return raw, err
	}
	if err := weigh(); err != nil {
		return raw, err
	}
	rest, err := io.ReadAll(in)
	return append(raw, rest...), err
}
