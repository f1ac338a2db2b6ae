package dockertest

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/docker"
)

// Between returns another connection to an engine, by way of the test: handle gets each
// request and what passes it on, and answered, unless nil, each answer. It needs an
// engine behind a socket of this machine (see [Cannot]).
func Between(
	t testing.TB, e *docker.Engine, handle func(http.ResponseWriter, *http.Request, http.Handler), answered func(*http.Response) error,
) *docker.Engine {
	t.Helper()
	network, address, _ := strings.Cut(e.Host(), "://")
	if network != "unix" {
		Cannot(t, "the engine is not behind a socket of this machine")
	}
	dir, err := os.MkdirTemp("", "envctl-b-*") // short: the path of a socket has an end
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		FlushInterval: -1,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}},
		ModifyResponse: answered,
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, proxy) })}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	out, err := docker.Connect(t.Context(), "unix://"+l.Addr().String(), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	return out
}
