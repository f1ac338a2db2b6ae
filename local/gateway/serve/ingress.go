package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	// headerTimeout is what a client has for sending a request's header.
	headerTimeout = 10 * time.Second
	// idleTimeout is how long a connection without a request is kept. Clients
	// and apps commonly give up earlier.
	idleTimeout = 2 * time.Minute
	// maxHeader bounds a request's header in bytes, as the ingress of Container
	// Apps (Envoy: 60 KiB) does.
	maxHeader = 60 << 10
	// drain is what requests have to end in after the gateway was told to stop.
	drain = 3 * time.Second
	// ingressTotal bounds the connections of a route at a time and the requests of
	// all routes; insideTotal both of the inside, where hostile code asks, and
	// insideEach the connections that one address has to it.
	ingressTotal = 2048
	insideTotal  = 1024
	insideEach   = 256
)

// entrance is the ingress: one listener and one server for each route, and for
// each address inside.
type entrance struct {
	servers   []*http.Server
	listeners []net.Listener
}

// listen opens every listener of cfg, so that a port that cannot be had is an
// error before anything is served.
func listen(ctx context.Context, cfg protocol.Ingress, dial *dialer, board *board, events *emitter) (*entrance, error) {
	e := &entrance{}
	apps := newApps(dial, board, events, ingressTotal)
	var host netip.Addr
	if cfg.HostOnly && len(cfg.Routes) > 0 {
		var err error
		if host, err = defaultGateway(); err != nil {
			return nil, err
		}
	}
	var config net.ListenConfig
	for _, route := range cfg.Routes {
		l, err := config.Listen(ctx, "tcp", ":"+strconv.Itoa(route.Listen))
		if err != nil {
			e.close()
			return nil, fmt.Errorf("ingress of %q: %w", route.App, err)
		}
		if cfg.HostOnly {
			l = hostListener{Listener: l, host: host, refused: func() { events.ingress(route.App, "peer is not the host") }}
		}
		crowd := newCrowd(ingressTotal, ingressTotal, func() { events.ingress(route.App, "too many connections") })
		e.listeners = append(e.listeners, crowd.bound(l))
		e.servers = append(e.servers, newServer(apps.proxy(route)))
	}
	if err := e.listenInside(ctx, cfg.Inside, newApps(dial, board, events, insideTotal)); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func newServer(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		// net/http adds 4 KiB to what it is told.
		MaxHeaderBytes: maxHeader - 4<<10,
		// The least that the protocol allows, and what bodies are sent ahead of being
		// read: it bounds what a connection holds.
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize: 16 << 10, MaxConcurrentStreams: 100,
			MaxReceiveBufferPerConnection: 64 << 10, MaxReceiveBufferPerStream: 64 << 10,
		},
		// What clients do wrong is answered to them and is nobody else's news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

func (e *entrance) run(ctx context.Context) error {
	functions := make([]function, len(e.servers))
	for i, server := range e.servers {
		functions[i] = func(ctx context.Context) error { return serveUntil(ctx, server, e.listeners[i]) }
	}
	return together(ctx, functions)
}

// serveUntil serves until ctx ends, then lets requests finish for the time drain
// and closes what is left.
func serveUntil(ctx context.Context, server *http.Server, l net.Listener) error {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if server.Shutdown(limit) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(l)
	if stop() {
		return fmt.Errorf("ingress at %s: %w", l.Addr(), err)
	}
	<-done
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (e *entrance) close() {
	for _, l := range e.listeners {
		_ = l.Close()
	}
}
