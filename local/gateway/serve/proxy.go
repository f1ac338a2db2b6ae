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

// newProxy returns the handler of one route. It passes requests and answers on
// as they come, without buffering and without a limit of their size, and passes
// upgraded connections (WebSocket) through.
func newProxy(route protocol.Route, dial *dialer, events *emitter) http.Handler {
	upstream := net.JoinHostPort(route.Host, strconv.Itoa(route.Port))
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { rewrite(r, upstream) },
		Transport:     newTransport(dial),
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			answerFailure(w, r, route.App, err, events)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			http.Error(w, "this is the ingress of an app, not a proxy: CONNECT is not served", http.StatusMethodNotAllowed)
			return
		}
		if r.ProtoMajor == 1 {
			// An answer may begin before the request has ended; without this the
			// server would first read the request to its end. The server's own
			// ResponseWriter supports it.
			_ = http.NewResponseController(w).EnableFullDuplex()
		}
		proxy.ServeHTTP(w, r)
	})
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
