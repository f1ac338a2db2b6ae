package serve

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// gate is the ingress of one app, listening on loopback.
type gate struct {
	url    string // http://127.0.0.1:PORT
	addr   string
	events *lines
}

// lines is a concurrency-safe buffer of what a gateway tells.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// openGate serves the ingress of the app "api" at upstream (host:port) until the
// test ends.
func openGate(t *testing.T, upstream string, dial *dialer) gate {
	t.Helper()
	host, port := split(t, upstream)
	return openRoute(t, protocol.Route{App: "api", Listen: 1, Host: host, Port: port}, dial)
}

func openRoute(t *testing.T, route protocol.Route, dial *dialer) gate {
	t.Helper()
	return openKnown(t, route, dial, nil)
}

// openKnown is openRoute with what is known of the app's health.
func openKnown(t *testing.T, route protocol.Route, dial *dialer, board *board) gate {
	t.Helper()
	events := &lines{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	emitter := newEmitter(events)
	server := newServer(newApps(dial, board, emitter, ingressTotal).proxy(route))
	l = newCrowd(ingressTotal, ingressTotal, func() { emitter.ingress(route.App, "too many connections") }).bound(l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serveUntil(ctx, server, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("ingress ended with %v", err)
		}
	})
	return gate{url: "http://" + l.Addr().String(), addr: l.Addr().String(), events: events}
}

// gateTo serves the ingress of an app that is handler.
func gateTo(t *testing.T, handler http.HandlerFunc) gate {
	t.Helper()
	app := httptest.NewUnstartedServer(handler)
	app.Config.Protocols = new(http.Protocols)
	app.Config.Protocols.SetHTTP1(true)
	app.Config.Protocols.SetUnencryptedHTTP2(true)
	app.Start()
	t.Cleanup(app.Close)
	return openGate(t, app.Listener.Addr().String(), newDialer())
}

func split(t *testing.T, address string) (string, int) {
	t.Helper()
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return a.Addr().String(), int(a.Port())
}

// rawApp accepts connections and gives each to serve.
func rawApp(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l.Addr().String()
}

// connect dials the gate, with a deadline that no test should need.
func (g gate) connect(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// send writes a request as it is and returns the answer; nil when the gate
// closed the connection without one.
func (g gate) send(t *testing.T, request string) *http.Response {
	t.Helper()
	conn := g.connect(t)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	return response
}

func body(t testing.TB, r *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// unresolved is a dialer for which names resolve to where says, one after another.
func unresolved(where func() string) *dialer {
	d := newDialer()
	d.inner = nil
	d.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		if w := where(); w != "" {
			return []netip.Addr{netip.MustParseAddr(w)}, nil
		}
		return nil, errors.New("no such host")
	}
	return d
}
