package serve

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// newForward returns what passes requests on to the host side with all that they
// show. What it looks at itself is the path, so that no request is taken for one of
// the gateway's own, and that the peer is on a network without a way out.
func newForward(path func(decoded, escaped string) bool, peers knower, line *hostLine, notes *notes) *models {
	m := newModels(protocol.Models{}, "", "", peers, line, notes)
	m.forward = path
	return m
}

// isTokenPath says that a path is that of tokens.
func isTokenPath(decoded, escaped string) bool { return decoded == identityPath && escaped == decoded }

// isModelPath says that a path is one that clients of models use.
func isModelPath(decoded, escaped string) bool {
	_, ok := readModelPath(decoded, escaped)
	return ok
}

// admitForward refuses what the host side need not see.
func (m *models) admitForward(r *http.Request) *refusedModel {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return stranger()
	}
	if _, known := m.peers.of(r.Context(), peer.Addr()); !known {
		return stranger()
	}
	if !m.forward(r.URL.Path, r.URL.EscapedPath()) {
		return notFound()
	}
	return admitAny(r)
}

// neighbours know everybody on the networks without a way out, and nobody by name.
type neighbours []netip.Prefix

// of implements knower.
func (n neighbours) of(_ context.Context, addr netip.Addr) (app string, ok bool) {
	for _, prefix := range n {
		if prefix.Contains(addr.Unmap()) {
			return "", true
		}
	}
	return "", false
}

// neighbours are those of these options' networks.
func (o Options) neighbours() (neighbours, error) {
	if o.inside != nil {
		var out neighbours
		for _, addr := range o.inside {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
		}
		return out, nil
	}
	outside, err := defaultGateway()
	if err != nil {
		return nil, err
	}
	all, err := net.InterfaceAddrs()
	return innerOf(all, outside), err
}
