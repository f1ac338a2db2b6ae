package serve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/envctl/envctl/local/gateway/allow"
)

const (
	// resolveTimeout bounds the look-up of a host outside.
	resolveTimeout = 5 * time.Second
	// outwardTimeout bounds the connections to all addresses of a host together.
	outwardTimeout = 15 * time.Second
)

// errUnknownHost says that the name of a host outside has no address.
var errUnknownHost = errors.New("the name of the host does not resolve")

// refusal is why something is refused, in words that hold nothing of what a
// workload said.
type refusal string

// Error implements error.
func (r refusal) Error() string { return string(r) }

// outward connects to hosts outside that are allowed already. A name is resolved
// once; every address is judged and a judged one is dialled, so that another
// answer a moment later (DNS rebinding) has no effect.
type outward struct {
	resolve  func(ctx context.Context, name string) ([]netip.Addr, error)
	dialable func(netip.Addr) (ok bool, what string)
	private  allow.List // hosts that may have private addresses
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

func newOutward() *outward {
	judge := allow.NewJudge()
	dialer := net.Dialer{KeepAlive: 15 * time.Second}
	return &outward{
		resolve: func(ctx context.Context, name string) ([]netip.Addr, error) {
			resolver := net.Resolver{PreferGo: true}
			return resolver.LookupNetIP(ctx, "ip", name)
		},
		dialable: func(addr netip.Addr) (bool, string) {
			own, err := ownNetworks()
			// A list that is read while an interface comes or goes fails.
			for try := 1; err != nil && try < 3; try++ {
				own, err = ownNetworks()
			}
			if err != nil {
				return false, "not judged: the gateway's own networks cannot be read"
			}
			return judge.Dialable(addr, own)
		},
		dial: dialer.DialContext,
	}
}

// ownNetworks are this container's addresses with their networks, at this moment.
func ownNetworks() ([]netip.Prefix, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var out []netip.Prefix
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			return nil, err
		}
		out = append(out, prefix)
	}
	return out, nil
}

// connect resolves host and connects to the first address that answers. One
// address that may not be dialled refuses the host, whatever the others are. The
// error is a refusal, errUnknownHost, or that of the first address.
func (o *outward) connect(ctx context.Context, host allow.Host, port int) (net.Conn, error) {
	addrs, err := o.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, outwardTimeout)
	defer cancel()
	var first error
	for i, addr := range addrs {
		conn, err := o.try(ctx, netip.AddrPortFrom(addr, uint16(port)), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// try gives an address its share of the time that is left for so many.
func (o *outward) try(ctx context.Context, target netip.AddrPort, share int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(share))
		defer cancel()
	}
	return o.dial(ctx, "tcp", target.String())
}

// lookup returns the addresses of host, IPv4 first, all of them judged. The name
// is absolute: no search domain is tried with it.
func (o *outward) lookup(ctx context.Context, host allow.Host) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addrs, err := o.resolve(ctx, host.String()+".")
	if err != nil || len(addrs) == 0 {
		return nil, errUnknownHost
	}
	for i, addr := range addrs {
		addrs[i] = addr.Unmap()
		if ok, what := o.dialable(addrs[i]); !ok && !(what == allow.Private && o.private.Names(host)) {
			return nil, refusal("the name of the host leads to " + what)
		}
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return addrs, nil
}
