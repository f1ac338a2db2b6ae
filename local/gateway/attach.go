package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// ErrReplaced says that another host side took this one's place; one that attached
// again would take it back.
var ErrReplaced = errors.New("another process has attached to the gateway instead of this one")

// TunnelCommand returns what, run in the gateway's container, is the other end of
// the connection that [Attach] wants.
func TunnelCommand() []string { return []string{Path, "tunnel"} }

const (
	// maxCalls is how many requests of workloads may be under way at a time; the
	// gateway lets more of them wait.
	maxCalls = 1000
	// gatewaySilence is how long the gateway may say nothing before it is asked
	// whether it is there, and gatewayGone how long it may take to say so.
	gatewaySilence = 10 * time.Second
	gatewayGone    = 10 * time.Second
)

// Attach serves what workloads ask of models on one connection to the gateway, until
// that ends (io.EOF, or ErrReplaced), or ctx does (its cause). handler gets the
// requests that the gateway lets through, with protocol.HeaderApp and
// protocol.HeaderModels, and a context that ends when the workload hangs up.
// attached, which may be nil, is called once when the gateway has put the connection
// into service. When Attach returns, conn is closed and no handler runs.
func Attach(ctx context.Context, conn io.ReadWriteCloser, handler http.Handler, attached func()) error {
	line := &lineConn{ReadWriteCloser: conn, closed: make(chan struct{})}
	var replaced atomic.Bool
	var running sync.RWMutex
	server := &http.Server{
		Handler:   servant{handler, &running, &replaced, sync.OnceFunc(orNothing(attached))},
		Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxCalls, SendPingTimeout: gatewaySilence, PingTimeout: gatewayGone,
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server.Protocols.SetUnencryptedHTTP2(true)
	stop := context.AfterFunc(ctx, func() { _ = line.Close() })
	defer stop()
	err := server.Serve(&oneConn{conn: line})
	_ = server.Close()
	running.Lock() // for good: a request that comes to run only now is not taken
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case replaced.Load():
		return ErrReplaced
	case line.failure() != nil:
		return fmt.Errorf("connection to the gateway: %w", line.failure())
	case errors.Is(err, net.ErrClosed):
		return io.EOF
	}
	return err
}

func orNothing(f func()) func() {
	if f == nil {
		return func() {}
	}
	return f
}

// servant answers the gateway's own requests, and leaves the others to a handler.
type servant struct {
	handler  http.Handler
	running  *sync.RWMutex // a reader for each request; a writer once none may begin
	replaced *atomic.Bool
	attached func()
}

// ServeHTTP implements http.Handler.
func (s servant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.running.TryRLock() {
		return // the connection has ended
	}
	defer s.running.RUnlock()
	switch r.URL.Path {
	case protocol.PathAttached:
		w.WriteHeader(http.StatusNoContent)
		s.attached()
	case protocol.PathReplaced:
		s.replaced.Store(true)
		w.WriteHeader(http.StatusNoContent)
	default:
		s.handler.ServeHTTP(w, r)
	}
}
