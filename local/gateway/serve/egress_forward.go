package serve

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/envctl/envctl/local/gateway/allow"
)

// targetKey is the key of the target in a request's context.
type targetKey struct{}

// newForward returns what passes the plain HTTP requests of one workload on. Each
// has connections of its own, because a login may belong to a connection. It
// follows no redirect and keeps no answer.
func (e *egress) newForward(app string) http.Handler {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := allow.ParseTarget(address, 0)
			if err != nil {
				return nil, refusal(err.Error())
			}
			return e.out.connect(ctx, host, port)
		},
		DisableCompression:     true,
		MaxIdleConns:           16,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        10 * time.Second,
		ResponseHeaderTimeout:  answerTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		Protocols:              new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(true)
	return &httputil.ReverseProxy{
		Rewrite:       authorised,
		Transport:     transport,
		FlushInterval: -1,
		BufferPool:    e.buffers,
		ErrorLog:      log.New(io.Discard, "", 0),
		ModifyResponse: func(r *http.Response) error {
			r.Header.Del(headerRefused)
			e.log.allowed(app, targetOf(r.Request), "")
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			e.unreachable(w, r, app, targetOf(r), err)
		},
	}
}

// pass sends a plain HTTP request on to the target that is allowed.
func (e *egress) pass(w http.ResponseWriter, r *http.Request, app string, host allow.Host, port int) {
	_ = http.NewResponseController(w).EnableFullDuplex()
	ctx := context.WithValue(r.Context(), targetKey{}, hostPort(host, port))
	e.forward[app].ServeHTTP(w, r.WithContext(ctx))
}

func targetOf(r *http.Request) string {
	text, _ := r.Context().Value(targetKey{}).(string)
	return text
}

// authorised makes the request that goes on: for the target that was decided
// about, in its one spelling, whatever the request said beside it. ReverseProxy
// has dropped the hop-by-hop headers, and that of a login to a proxy.
func authorised(r *httputil.ProxyRequest) {
	target := targetOf(r.In)
	r.Out.URL.Host = target
	r.Out.Host = strings.TrimSuffix(target, ":80")
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values := r.In.Header[name]; values != nil {
			r.Out.Header[name] = values // the workload's own; a proxy's client says what it wants
		}
	}
	if upgrade := r.Out.Header.Get("Upgrade"); upgrade != "" && !strings.EqualFold(upgrade, "websocket") {
		// A protocol that could ask for other hosts on the same connection (h2c).
		r.Out.Header.Del("Upgrade")
		r.Out.Header.Del("Connection")
	}
}
