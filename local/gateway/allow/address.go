package allow

import (
	"encoding/binary"
	"net/netip"
)

// special is a range of addresses that no name may lead to.
type special struct {
	prefix string
	what   string
}

// specials4 are the ranges of IPv4 that are not the public internet's (IANA's
// registry of special-purpose addresses), single addresses first.
func specials4() []special {
	return []special{
		{"169.254.169.254/32", metadata}, {"168.63.129.16/32", metadata}, {"100.100.100.200/32", metadata},
		{"0.0.0.0/8", "an unspecified address"},
		{"10.0.0.0/8", Private}, {"172.16.0.0/12", Private}, {"192.168.0.0/16", Private},
		{"100.64.0.0/10", "an address of a carrier's own network"},
		{"127.0.0.0/8", loopback},
		{"169.254.0.0/16", linkLocal},
		{"192.0.0.0/24", reserved},
		{"192.0.2.0/24", documentation}, {"198.51.100.0/24", documentation}, {"203.0.113.0/24", documentation},
		{"192.88.99.0/24", tunnelled},
		{"198.18.0.0/15", "an address for benchmarks"},
		{"224.0.0.0/4", multicast},
		{"255.255.255.255/32", "the broadcast address"},
		{"240.0.0.0/4", reserved},
	}
}

// specials6 are those of IPv6. What is outside 2000::/3 is not the public
// internet's either, whether it is listed or not.
func specials6() []special {
	return []special{
		{"fd00:ec2::254/128", metadata}, {"fd20:ce::254/128", metadata},
		{"::/128", "an unspecified address"}, {"::1/128", loopback},
		{"fc00::/7", Private}, {"fec0::/10", Private},
		{"fe80::/10", linkLocal},
		{"ff00::/8", multicast},
		{"64:ff9b:1::/48", Private},
		{"2001:db8::/32", documentation}, {"3fff::/20", documentation},
		{"2001:2::/48", "an address for benchmarks"},
		{"2001::/32", tunnelled}, {"2002::/16", tunnelled},
		{"2001::/23", reserved},
	}
}

// Private is what Dialable calls an address of a company's or a home's own network
// (RFC 1918, RFC 4193).
const Private = "a private address"

// What another address is, in words.
const (
	metadata      = "a metadata address of a cloud"
	loopback      = "a loopback address"
	linkLocal     = "a link-local address"
	documentation = "an address for documentation"
	multicast     = "a multicast address"
	tunnelled     = "an address that stands for another one (6to4, Teredo)"
	reserved      = "a reserved address"
)

// Judge knows which addresses may be dialled.
type Judge struct {
	four, six []forbidden
	public6   netip.Prefix
	nat64     netip.Prefix
}

type forbidden struct {
	prefix netip.Prefix
	what   string
}

// NewJudge returns a Judge.
func NewJudge() *Judge {
	return &Judge{
		four: compiled(specials4()), six: compiled(specials6()),
		public6: netip.MustParsePrefix("2000::/3"), nat64: netip.MustParsePrefix("64:ff9b::/96"),
	}
}

func compiled(list []special) []forbidden {
	out := make([]forbidden, len(list))
	for i, s := range list {
		out[i] = forbidden{netip.MustParsePrefix(s.prefix), s.what}
	}
	return out
}

// Dialable says whether an address that a name resolved to may be dialled, and
// what it is if not. own are the addresses of this machine with their networks,
// none of which may be.
func (j *Judge) Dialable(addr netip.Addr, own []netip.Prefix) (ok bool, what string) {
	if addr.Zone() != "" || !addr.IsValid() {
		return false, reserved
	}
	addr = addr.Unmap()
	for _, network := range own {
		if unmapped(network).Contains(addr) {
			return false, "an address of the gateway's own networks"
		}
	}
	if addr.Is4() {
		return judged(j.four, addr)
	}
	if j.nat64.Contains(addr) {
		return j.Dialable(wrapped(addr), own)
	}
	if ok, what := judged(j.six, addr); !ok {
		return false, what
	}
	if !j.public6.Contains(addr) {
		return false, reserved
	}
	return true, ""
}

func judged(list []forbidden, addr netip.Addr) (bool, string) {
	for _, f := range list {
		if f.prefix.Contains(addr) {
			return false, f.what
		}
	}
	return true, ""
}

// unmapped is a network of IPv4 as such, where it is written as one of IPv6.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// wrapped is the IPv4 address in the last four bytes of addr (RFC 6052).
func wrapped(addr netip.Addr) netip.Addr {
	all := addr.As16()
	var four [4]byte
	binary.BigEndian.PutUint32(four[:], binary.BigEndian.Uint32(all[12:]))
	return netip.AddrFrom4(four)
}
