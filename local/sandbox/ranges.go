package sandbox

import (
	"hash/fnv"
	"net"
	"net/netip"
	"slices"
)

// Pool is where the networks of experiments get their addresses, a range of
// subnetBits each. It is half of the range that RFC 2544 sets aside for tests of
// network devices: nobody routes it, and no engine gives it out by itself, so that
// neither a company's network nor the engine's own small pool (31 networks) is in
// the way.
func Pool() netip.Prefix { return netip.MustParsePrefix("198.19.0.0/16") }

// subnetBits is the length of a network's prefix: 512 networks with 123 containers
// beside the gateway each.
const subnetBits = 25

// Subnet returns a free range of the pool for an owner, false
// where all are taken. Every owner begins its search elsewhere, so that two that
// look at the same time seldom find the same.
func Subnet(owner string, taken []netip.Prefix) (netip.Prefix, bool) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(owner))
	const ranges = 1 << (subnetBits - 16)
	for i := range uint32(ranges) {
		n := (h.Sum32() + i) % ranges
		base := Pool().Addr().As4()
		base[2], base[3] = byte(n>>1), byte(n<<7)
		candidate := netip.PrefixFrom(netip.AddrFrom4(base), subnetBits)
		if !slices.ContainsFunc(taken, candidate.Overlaps) {
			return candidate, true
		}
	}
	return netip.Prefix{}, false
}

// IsOurs says that a range is one that Subnet gives.
func IsOurs(p netip.Prefix) bool { return p.Bits() == subnetBits && Pool().Overlaps(p) }

// GatewayAddress is the gateway's in a network: the last that a container can have,
// so that the engine, which counts from below, gives it to nobody else.
func GatewayAddress(subnet netip.Prefix) netip.Addr {
	if !subnet.IsValid() {
		return netip.Addr{}
	}
	last := subnet.Masked().Addr().As4()
	last[3] |= 1<<(32-subnetBits) - 2
	return netip.AddrFrom4(last)
}

// Interfaces are the ranges that this machine is on by itself. Where the engine is
// on another machine they only make the choice a little smaller.
func Interfaces() []netip.Prefix {
	var out []netip.Prefix
	addresses, _ := net.InterfaceAddrs() // without them, the engine's networks decide
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Masked())
		}
	}
	return out
}
