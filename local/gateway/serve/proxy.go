package serve

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// answerTimeout is what an app has for the header of its answer, counted from
// the end of the request; the ingress of Container Apps gives as much.
const answerTimeout = 240 * time.Second

// keepAlive is how long an unused connection to an app is kept: less than the
// 2 s and more after which common servers close theirs, so that a request seldom
// meets a connection that is about to be closed.
const keepAlive = time.Second

// copyBuffer is how much of an answer's body is in the gateway at a time, in bytes.
const copyBuffer = 32 << 10

// apps is what the handlers of all routes share.
type apps struct {
	dial    *dialer
	board   *board // nil: nothing is known of the apps' health
	events  *emitter
	buffers *buffers
	turns   chan struct{} // holds one value for each request that is under way
}

// newApps returns apps for at most so many requests at a time: with HTTP/2 a
// connection has many.
func newApps(dial *dialer, board *board, events *emitter, requests int) *apps {
	return &apps{dial: dial, board: board, events: events, buffers: newBuffers(copyBuffer), turns: make(chan struct{}, requests)}
}

// proxy returns the handler of one route. It passes requests and answers on as
// they come, without buffering and without a limit of their size, and passes
// upgraded connections (WebSocket) through. While the app is known not to be
// healthy it answers for it, at once.
func (a *apps) proxy(route protocol.Route) http.Handler {
	upstream := net.JoinHostPort(route.Host, strconv.Itoa(route.Port))
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { rewrite(r, upstream) },
		Transport:     newTransport(a.dial),
		FlushInterval: -1,
		BufferPool:    a.buffers,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			answerFailure(w, r, route.App, err, a.events)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.admit(w, r, route.App) {
			return
		}
		defer func() { <-a.turns }()
		if r.ProtoMajor == 1 {
			// An answer may begin before the request has ended; without this the
			// server would first read the request to its end. The server's own
			// ResponseWriter supports it.
			_ = http.NewResponseController(w).EnableFullDuplex()
		}
		proxy.ServeHTTP(w, r)
	})
}

// admit gives a request for an app its turn, or answers it.
func (a *apps) admit(w http.ResponseWriter, r *http.Request, app string) bool {
	if r.Method == http.MethodConnect {
		http.Error(w, "this is the ingress of an app, not a proxy: CONNECT is not served", http.StatusMethodNotAllowed)
		return false
	}
	if reason, down := a.board.down(app); down {
		a.events.ingress(app, "not healthy")
		http.Error(w, "app "+app+" is not healthy: "+reason, http.StatusServiceUnavailable)
		return false
	}
	select {
	case a.turns <- struct{}{}:
		return true
	default:
		a.events.ingress(app, "too many requests")
		http.Error(w, "too many requests at a time: wait for some to end", http.StatusServiceUnavailable)
		return false
	}
}

// rewrite sends a request to upstream as the client wrote it (Host, path and
// query untouched) with the X-Forwarded headers of Container Apps. ReverseProxy
// has dropped the hop-by-hop headers and the client's own Forwarded,
// X-Forwarded-For, -Host and -Proto; the rest of that family goes here, so that
// an app can believe every X-Forwarded header it gets.
func rewrite(r *httputil.ProxyRequest, upstream string) {
	r.Out.URL.Scheme = "http"
	r.Out.URL.Host = upstream
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	for name := range r.Out.Header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			delete(r.Out.Header, name)
		}
	}
	r.SetXForwarded()
}

// transport speaks HTTP/1.1 with an app, and HTTP/2 without TLS for gRPC calls,
// which cannot be made otherwise.
type transport struct {
	http1, http2 *http.Transport
}

// newTransport returns a pool of connections for one route.
func newTransport(dial *dialer) *transport {
	base := &http.Transport{
		DialContext:            dial.dialAddress,
		DisableCompression:     true, // the answer is passed on as the app encoded it
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        keepAlive,
		ResponseHeaderTimeout:  answerTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		Protocols:              new(http.Protocols),
	}
	grpc := base.Clone()
	base.Protocols.SetHTTP1(true)
	grpc.Protocols = new(http.Protocols)
	grpc.Protocols.SetUnencryptedHTTP2(true)
	return &transport{http1: base, http2: grpc}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return t.http2.RoundTrip(r)
	}
	return t.http1.RoundTrip(r)
}

// answerFailure tells the client, in a line of plain text, why the app did not
// answer. A client that is gone is told nothing and is no event.
func answerFailure(w http.ResponseWriter, r *http.Request, app string, err error, events *emitter) {
	if r.Context().Err() != nil && !errors.Is(err, context.DeadlineExceeded) {
		panic(http.ErrAbortHandler)
	}
	reason := explain(err)
	status, text := http.StatusBadGateway, "did not answer: "+reason
	switch reason {
	case errNotRunning.Error():
		status, text = http.StatusServiceUnavailable, "is not running yet, or not any more"
	case "connection refused":
		text = "refused the connection: it is still starting, or listens on another port or on 127.0.0.1 only"
	case "timed out":
		status, text = http.StatusGatewayTimeout, "did not answer in time"
	}
	events.ingress(app, reason)
	http.Error(w, "app "+app+" "+text, status)
}
