package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// HostSocket is where `gateway tunnel` reaches the gateway that runs; see StatusSocket.
const HostSocket = "@envctl-gateway-tunnel"

const (
	// attachTimeout is what a host side has for its first answer.
	attachTimeout = 5 * time.Second
	// hostSilence is how long the host side may say nothing before it is asked whether
	// it is there, and hostGone how long it may take to say so.
	hostSilence = 5 * time.Second
	hostGone    = 5 * time.Second
)

// errDetached says that there is no host side that could answer.
var errDetached = errors.New("no host side is attached")

// hostLine is the way to the host: the newest connection that `gateway tunnel` made.
// The host is the HTTP/2 server on it, so that no port is open there.
type hostLine struct {
	listener net.Listener

	mu      sync.Mutex
	current *http.ClientConn // nil: none
	changed bell
}

func listenHostLine(ctx context.Context, socket string) (*hostLine, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("tunnel socket: %w", err)
	}
	return &hostLine{listener: listener}, nil
}

// run takes host sides until ctx ends, then closes what is attached.
func (h *hostLine) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = h.listener.Close() })
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	for {
		conn, err := h.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("tunnel socket: %w", err)
		}
		group.Go(func() { h.attach(ctx, conn) })
	}
}

// attach puts a connection into service once the host side has answered on it, and
// returns when it has ended.
func (h *hostLine) attach(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	host, err := overConn(ctx, conn)
	if err != nil {
		return
	}
	defer host.Close()
	var changed bell
	host.SetStateHook(func(*http.ClientConn) { changed.ring() })
	if tell(ctx, host, protocol.PathAttached) != nil {
		return
	}
	h.set(host)
	defer h.drop(host)
	for {
		next, replaced := changed.wait(), h.changed.wait()
		old := !h.is(host)
		if host.Err() != nil || old && host.InFlight() == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-next:
		case <-replaced:
			if !h.is(host) && !old {
				_ = tell(ctx, host, protocol.PathReplaced) // it may be dead
			}
		}
	}
}

// overConn returns the HTTP/2 client of one connection, which notices when the
// other side no longer answers.
func overConn(ctx context.Context, conn net.Conn) (*http.ClientConn, error) {
	transport := &http.Transport{
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		DisableCompression:     true, // answers are passed on as the provider encoded them
		MaxResponseHeaderBytes: 256 << 10,
		Protocols:              new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: hostSilence, PingTimeout: hostGone, WriteByteTimeout: hostSilence + hostGone,
		},
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return transport.NewClientConn(ctx, "http", "host:80")
}

// tell makes a request of the gateway's own.
func tell(ctx context.Context, host *http.ClientConn, path string) error {
	ctx, cancel := context.WithTimeout(ctx, attachTimeout)
	defer cancel()
	request := (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Scheme: "http", Host: "host", Path: path}, Header: http.Header{},
	}).WithContext(ctx)
	response, err := host.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<10)); err != nil {
		return err
	}
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("host side: status %d, expected %d", response.StatusCode, http.StatusNoContent)
	}
	return nil
}

func (h *hostLine) set(host *http.ClientConn) {
	h.mu.Lock()
	h.current = host
	h.mu.Unlock()
	h.changed.ring()
}

func (h *hostLine) drop(host *http.ClientConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current == host {
		h.current = nil
	}
}

func (h *hostLine) is(host *http.ClientConn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.current == host
}

// host returns the host side, and waits for one until ctx ends (errDetached).
func (h *hostLine) host(ctx context.Context) (*http.ClientConn, error) {
	for {
		next := h.changed.wait()
		h.mu.Lock()
		current := h.current
		h.mu.Unlock()
		if current != nil && current.Err() == nil {
			return current, nil
		}
		select {
		case <-ctx.Done():
			return nil, errDetached
		case <-next:
		}
	}
}
