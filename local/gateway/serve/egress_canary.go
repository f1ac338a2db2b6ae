package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// canaryTimeout bounds one request that must be refused.
const canaryTimeout = 20 * time.Second

// canaries are requests that no list allows, by what they are for: a name that
// nobody has (RFC 6761), an address, and the metadata service of clouds.
func canaries() map[string]string {
	return map[string]string{
		"canary-must-be-refused.invalid:443": "CONNECT canary-must-be-refused.invalid:443 HTTP/1.1\r\nHost: canary-must-be-refused.invalid:443\r\n\r\n",
		"192.0.2.1:443":                      "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n",
		"169.254.169.254:80":                 "GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
	}
}

// canary asks the proxy, as each of its clients and over a connection as theirs,
// for what must be refused. An error means that something was not: then nothing
// may be served.
func (e *egress) canary(ctx context.Context, events *emitter) error {
	entrance := &within{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := e.newServer()
	var group sync.WaitGroup
	group.Go(func() { _ = server.Serve(entrance) })
	defer func() { _ = server.Close(); group.Wait() }()
	requests := canaries()
	for _, app := range slices.Sorted(maps.Keys(e.lists)) {
		for _, host := range slices.Sorted(maps.Keys(requests)) {
			reason, err := entrance.ask(ctx, app, requests[host])
			event := protocol.Event{Event: protocol.EventCanary, App: app, Host: host, Reason: reason, Allowed: err != nil}
			if err != nil {
				event.Reason = err.Error()
			}
			events.emit(event)
			if err != nil {
				return fmt.Errorf("egress of %q to %s, which must be refused: %w", app, host, err)
			}
		}
	}
	return nil
}

// within is a listener whose connections are made in this process, for a client
// that is named.
type within struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *within) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *within) Close() error { l.once.Do(func() { close(l.closed) }); return nil }

// Addr implements net.Listener.
func (l *within) Addr() net.Addr { return &net.UnixAddr{Name: "canary", Net: "unix"} }

// ask sends a request as app and returns the reason of the refusal; an error when
// the answer is none.
func (l *within) ask(ctx context.Context, app, request string) (reason string, err error) {
	mine, theirs := net.Pipe()
	defer mine.Close()
	select {
	case l.conns <- asks{theirs, app}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	_ = mine.SetDeadline(time.Now().Add(canaryTimeout))
	if _, err := io.WriteString(mine, request); err != nil {
		return "", err
	}
	answer, err := http.ReadResponse(bufio.NewReader(mine), nil)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	reason = answer.Header.Get(headerRefused)
	if answer.StatusCode != http.StatusForbidden || reason == "" {
		return "", errors.New("it was not refused, the answer is " + answer.Status)
	}
	return reason, nil
}

// asks is a connection within this process for a client.
type asks struct {
	net.Conn
	app string
}

// askerKey is the key of the client in the context of such a connection.
type askerKey struct{}

// withAsker is the ConnContext of the proxy's server.
func withAsker(ctx context.Context, conn net.Conn) context.Context {
	if own, ok := conn.(asks); ok {
		return context.WithValue(ctx, askerKey{}, own.app)
	}
	return ctx
}

// asker returns the client of a connection within this process.
func asker(ctx context.Context) (app string, ok bool) {
	app, ok = ctx.Value(askerKey{}).(string)
	return app, ok
}
