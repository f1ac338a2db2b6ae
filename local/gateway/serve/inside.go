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
func (e *entrance) listenInside(ctx context.Context, in protocol.Inside, dial *dialer, events *emitter) error {
	if len(in.Routes) == 0 {
		return nil
	}
	outside, err := defaultGateway()
	if err != nil {
		return fmt.Errorf("ingress inside: %w", err)
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("ingress inside: %w", err)
	}
	inner := insideOf(all, outside)
	if len(inner) == 0 {
		return errors.New("ingress inside: this container has no address beside that of the network with a way out: attach it to the apps' network")
	}
	handler := insideHandler(in.Routes, dial, events)
	var config net.ListenConfig
	for _, addr := range inner {
		l, err := config.Listen(ctx, "tcp", netip.AddrPortFrom(addr, uint16(in.Listen)).String())
		if err != nil {
			return fmt.Errorf("ingress inside: %w", err)
		}
		e.listeners = append(e.listeners, l)
		e.servers = append(e.servers, newServer(handler))
	}
	return nil
}

// insideOf returns the IPv4 addresses, but that of the loopback and those on the
// network of the way out.
func insideOf(all []net.Addr, outside netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || !prefix.Addr().Is4() || prefix.Addr().IsLoopback() || prefix.Contains(outside) {
			continue
		}
		out = append(out, prefix.Addr())
	}
	return out
}

// insideHandler passes a request on to the app that its Host names.
func insideHandler(routes []protocol.InsideRoute, dial *dialer, events *emitter) http.Handler {
	apps := make(map[string]http.Handler, len(routes))
	for _, r := range routes {
		apps[r.App] = newProxy(protocol.Route{App: r.App, Host: r.Host, Port: r.Port}, dial, events)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		app, ok := apps[strings.ToLower(strings.TrimSuffix(host, "."))]
		if !ok {
			http.Error(w, "no app with ingress has the name "+strconv.Quote(host)+" here", http.StatusNotFound)
			return
		}
		app.ServeHTTP(w, r)
	})
}
