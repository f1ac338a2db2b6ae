package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// listenInside opens the listener at which apps call each other by name. It
// listens at the addresses of the networks without a way out only, so that nobody
// comes in by it.
func (e *entrance) listenInside(ctx context.Context, in protocol.Inside, apps *apps) error {
	if len(in.Routes) == 0 {
		return nil
	}
	listeners, err := listenAtInside(ctx, "ingress inside", in.Listen)
	if err != nil {
		return err
	}
	handler := insideHandler(in.Routes, apps)
	crowd := newCrowd(insideTotal, insideEach, func() {})
	for _, l := range listeners {
		e.listeners = append(e.listeners, crowd.bound(l))
		e.servers = append(e.servers, newServer(handler))
	}
	return nil
}

// listenAtInside opens a port at every address on the networks without a way out.
// What names the function in errors.
func listenAtInside(ctx context.Context, what string, port int) ([]net.Listener, error) {
	inner, err := insideAddrs()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return listenAt(ctx, what, inner, port)
}

func listenAt(ctx context.Context, what string, addrs []netip.Addr, port int) ([]net.Listener, error) {
	var out []net.Listener
	var config net.ListenConfig
	for _, addr := range addrs {
		l, err := config.Listen(ctx, "tcp", netip.AddrPortFrom(addr, uint16(port)).String())
		if err != nil {
			for _, opened := range out {
				_ = opened.Close()
			}
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// insideAddrs returns the addresses of this container on the networks without a
// way out, one at least.
func insideAddrs() ([]netip.Addr, error) {
	outside, err := defaultGateway()
	if err != nil {
		return nil, err
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	inner := insideOf(all, outside)
	if len(inner) == 0 {
		return nil, errors.New("this container has no address beside that of the network with a way out: attach it to the apps' network")
	}
	return inner, nil
}

// insideOf returns the IPv4 addresses, but that of the loopback and those on the
// network of the way out.
func insideOf(all []net.Addr, outside netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, prefix := range innerOf(all, outside) {
		out = append(out, prefix.Addr())
	}
	return out
}

// innerOf returns the IPv4 addresses with their networks, but the loopback's and the
// one with the way out.
func innerOf(all []net.Addr, outside netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || !prefix.Addr().Is4() || prefix.Addr().IsLoopback() || prefix.Contains(outside) {
			continue
		}
		out = append(out, prefix)
	}
	return out
}

// insideHandler passes a request on to the app that its Host names.
func insideHandler(routes []protocol.InsideRoute, apps *apps) http.Handler {
	named := make(map[string]http.Handler, len(routes))
	for _, r := range routes {
		named[r.App] = apps.proxy(protocol.Route{App: r.App, Host: r.Host, Port: r.Port})
		if r.ReadOnly {
			named[r.App] = readOnly(named[r.App])
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		app, ok := named[strings.ToLower(strings.TrimSuffix(host, "."))]
		if !ok {
			http.Error(w, "no app with ingress has the name "+strconv.Quote(host)+" here", http.StatusNotFound)
			return
		}
		app.ServeHTTP(w, r)
	})
}

// readOnly refuses what does more than read.
func readOnly(app http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !onlyReads(r) {
			w.Header().Set(headerRefused, reasonReadOnly)
			http.Error(w, reasonReadOnly, http.StatusForbidden)
			return
		}
		app.ServeHTTP(w, r)
	})
}
