package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/authority"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/gateway/token"
)

const modelsHost = "models.envctl.internal"

// front is the address of models on loopback, where 127.0.0.1 is the workload api,
// 127.0.0.2 the workload web, without models, and 127.0.0.9 nobody.
type front struct {
	t      testing.TB
	models *models
	socket string
	addr   string
	ca     *authority.Authority
	events *lines
}

func modelsConfig() protocol.Models {
	return protocol.Models{Listen: 443, Host: modelsHost, Trust: "/trust", Clients: []protocol.ModelsClient{
		{App: "api", Host: "127.0.0.1", Models: []string{"chat", "embed"}},
	}}
}

// sockets makes the names of test sockets differ.
var sockets atomic.Int64

func openFront(t testing.TB) *front {
	t.Helper()
	f := &front{t: t, socket: fmt.Sprintf("@envctl-tunnel-test-%d-%d", time.Now().UnixNano(), sockets.Add(1)), events: &lines{}}
	line, err := listenHostLine(t.Context(), f.socket)
	if err != nil {
		t.Fatal(err)
	}
	f.ca, err = authority.New(modelsHost, func(purpose string) []byte { return protocol.Derive(testKey, purpose) })
	if err != nil {
		t.Fatal(err)
	}
	peers := at{"127.0.0.1": "api", "127.0.0.2": "web"}
	f.models = newModels(modelsConfig(), testKey, testTenant, peers, line, newNotes(newEmitter(f.events)))
	f.models.patience = 200 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	e := &services{line: line}
	e.addTLS([]net.Listener{l}, f.ca.Server(time.Now), func() *http.Server { return newModelsServer(f.models) })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("models ended with %v", err)
		}
	})
	return f
}

// attach serves handler as the host side, until the test ends or the caller says so,
// and returns once the gateway has put it into service.
func (f *front) attach(handler http.HandlerFunc) (detach func() error) {
	f.t.Helper()
	conn, err := net.Dial("unix", f.socket)
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(f.t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- gateway.Attach(ctx, conn, handler, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		f.t.Fatalf("not attached: %v", err)
	case <-time.After(10 * time.Second):
		f.t.Fatal("not attached within 10 s")
	}
	// The gateway puts it into service a moment after it was answered.
	eventually(f.t, "the gateway has a host side", func() bool {
		if f.models == nil { // of a whole gateway, whose requests wait for it
			return true
		}
		f.models.line.mu.Lock()
		defer f.models.line.mu.Unlock()
		return f.models.line.current != nil
	})
	detach = func() error {
		cancel(errors.New("detached"))
		err := <-done
		done <- err
		return err
	}
	f.t.Cleanup(func() { _ = detach() })
	return detach
}

// client returns an HTTP client that comes from an address and trusts the authority.
func (f *front) client(from string) *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(f.ca.PEM())
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", f.addr)
		},
	}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// tokenOf returns a token of a workload.
func tokenOf(t testing.TB, app, audience string, now time.Time) string {
	t.Helper()
	text, _, err := newIssuer(testKey, testTenant).Issue(token.Identity{App: app, ClientID: "c", Principal: "p"}, audience, now)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (f *front) dialTunnel() net.Conn {
	f.t.Helper()
	conn, err := net.Dial("unix", f.socket)
	if err != nil {
		f.t.Fatal(err)
	}
	return conn
}
