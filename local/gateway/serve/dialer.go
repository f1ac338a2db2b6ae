package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
)

const (
	// lookupTimeout bounds one look-up of an app's name. The engine answers for
	// a running container in a few milliseconds; for any other name it asks a
	// server that never answers, and says nothing itself.
	lookupTimeout = 500 * time.Millisecond
	// glanceTimeout is the bound while an app is waited for, when another
	// look-up follows soon.
	glanceTimeout = 150 * time.Millisecond
	// connectTimeout bounds one TCP connection on a bridge of the same machine.
	connectTimeout = 5 * time.Second
)

// errNotRunning says that the name of an app does not resolve: its container is
// not started, or has ended.
var errNotRunning = errors.New("name does not resolve")

// dialer connects to apps by name. It remembers nothing, so an app that was not
// there a moment ago is found as soon as it is.
type dialer struct {
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// inner says whether an address can be an app's: it is on a network without a
	// way out. A name server outside that has an answer for every name, as some
	// providers' have, is asked for an app's name while the app does not run, and must
	// not make a stranger of the app. nil: every address can.
	inner func(netip.Addr) bool
	net   net.Dialer
}

func newDialer() *dialer {
	return &dialer{
		lookup: lookupWith(nil),
		inner:  onInnerNetwork,
		net:    net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second},
	}
}

// lookupWith returns a look-up that reaches name servers by connect; nil: as the
// system does. Each look-up has a resolver of its own, because a resolver lets
// look-ups of one name share one question, and one that was asked before the app
// was there would then keep the others waiting for an answer that never comes.
func lookupWith(connect func(ctx context.Context, network, address string) (net.Conn, error)) func(context.Context, string, string) ([]netip.Addr, error) {
	return func(ctx context.Context, network, host string) ([]netip.Addr, error) {
		resolver := net.Resolver{PreferGo: true, Dial: connect}
		return resolver.LookupNetIP(ctx, network, host)
	}
}

// resolve returns the address of an app's host. The name is made absolute, so
// that no search domain of the engine's host is tried with it; the networks of a
// sandbox have IPv4 addresses.
func (d *dialer) resolve(ctx context.Context, host string, limit time.Duration) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr, nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	addrs, err := d.lookup(ctx, "ip4", host+".")
	if err != nil {
		return netip.Addr{}, errNotRunning
	}
	for _, addr := range addrs {
		if addr = addr.Unmap(); d.inner == nil || d.inner(addr) {
			return addr, nil
		}
	}
	return netip.Addr{}, errNotRunning
}

// onInnerNetwork says whether addr is on a network of this container that has no
// way out; where that cannot be told, nothing is.
func onInnerNetwork(addr netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	outside, err := defaultGateway()
	if err != nil {
		outside = netip.Addr{} // no network has a way out
	}
	for _, prefix := range innerOf(all, outside) {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// dial connects to port of host, by the name first.
func (d *dialer) dial(ctx context.Context, host string, port int) (net.Conn, error) {
	addr, err := d.resolve(ctx, host, lookupTimeout)
	if err != nil {
		return nil, err
	}
	return d.net.DialContext(ctx, "tcp", netip.AddrPortFrom(addr, uint16(port)).String())
}

// dialAddress is dial for a host:port, as http.Transport wants it.
func (d *dialer) dialAddress(ctx context.Context, _, address string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("upstream %q: %w", address, err)
	}
	port, err := strconv.Atoi(service)
	if err != nil {
		return nil, fmt.Errorf("upstream %q: %w", address, err)
	}
	return d.dial(ctx, host, port)
}

// explain names the cause of a failed connection or exchange in words that do
// not depend on the peer's data, so that they are safe to print and few.
func explain(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, errNotRunning):
		return errNotRunning.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	}
	// An end of the connection is not told apart from nonsense: which of them
	// net/http reports depends on the moment.
	return "no valid HTTP answer"
}
