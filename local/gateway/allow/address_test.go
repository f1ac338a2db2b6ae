package allow

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestDialable(t *testing.T) {
	t.Parallel()
	own := []netip.Prefix{netip.MustParsePrefix("20.30.40.5/24"), netip.MustParsePrefix("2a00:1::5/64")}
	for addr, want := range map[string]string{
		"140.82.121.4": "", "1.1.1.1": "", "2606:4700::1111": "", "::ffff:140.82.121.4": "", "64:ff9b::8c52:7904": "", "2001:4860:4860::8888": "",
		"169.254.169.254": metadata, "::ffff:169.254.169.254": metadata, "64:ff9b::a9fe:a9fe": metadata, "fd00:ec2::254": metadata, "168.63.129.16": metadata, "100.100.100.200": metadata,
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "::": "unspecified",
		"10.0.0.1": Private, "172.16.0.1": Private, "172.31.255.255": Private, "192.168.1.1": Private, "::ffff:10.0.0.1": Private, "64:ff9b::a00:1": Private,
		"fc00::1": Private, "fdff::1": Private, "fec0::1": Private, "64:ff9b:1::a00:1": Private,
		"100.64.0.1": "carrier", "127.0.0.1": loopback, "127.255.255.254": loopback, "::1": loopback, "::ffff:127.0.0.1": loopback, "64:ff9b::7f00:1": loopback,
		"169.254.1.1": linkLocal, "fe80::1": linkLocal,
		"192.0.0.1": reserved, "192.0.2.1": documentation, "198.51.100.1": documentation, "203.0.113.1": documentation, "2001:db8::1": documentation, "3fff::1": documentation,
		"198.18.0.1": "benchmarks", "198.19.255.255": "benchmarks", "2001:2::1": "benchmarks",
		"224.0.0.1": multicast, "239.255.255.255": multicast, "ff02::1": multicast,
		"255.255.255.255": "broadcast", "240.0.0.1": reserved,
		"192.88.99.1": tunnelled, "2002:7f00:1::": tunnelled, "2002:8c52:7904::1": tunnelled, "2001:0:4136:e378:8000:63bf:3fff:fdd2": tunnelled,
		"::7f00:1": reserved, "::ffff:0:7f00:1": reserved, "100::1": reserved, "5f00::1": reserved, "2001:10::1": reserved, "4000::1": reserved,
		"20.30.40.77": "own networks", "2a00:1::77": "own networks", "64:ff9b::141e:2809": "own networks",
	} {
		ok, what := NewJudge().Dialable(netip.MustParseAddr(addr), own)
		if ok != (want == "") || !strings.Contains(what, want) {
			t.Errorf("%s: %v %q, expected %q", addr, ok, what, want)
		}
	}
	if ok, _ := NewJudge().Dialable(netip.MustParseAddr("2606:4700::1111%eth0"), nil); ok {
		t.Error("an address with a zone may be dialled, expected not")
	}
	if ok, _ := NewJudge().Dialable(netip.Addr{}, nil); ok {
		t.Error("no address may be dialled, expected not")
	}
}

// What the standard library knows to be special may not be dialled, whatever the
// tables here forgot.
func FuzzDialable(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{8, 8, 8, 8})
	f.Add([]byte(net.ParseIP("64:ff9b::10.0.0.1").To16()))
	f.Add([]byte(net.ParseIP("::ffff:10.0.0.1").To16()))
	f.Add([]byte(net.ParseIP("::ffff:8.8.8.8").To16()))
	judge := NewJudge()
	f.Fuzz(func(t *testing.T, raw []byte) {
		addr, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		allowed, what := judge.Dialable(addr, nil)
		if allowed != (what == "") {
			t.Errorf("%s: %v with the reason %q", addr, allowed, what)
		}
		ip := net.IP(raw)
		if allowed && (!ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback()) {
			t.Errorf("%s may be dialled", addr)
		}
		if mapped, _ := judge.Dialable(netip.AddrFrom16(addr.As16()), nil); mapped != allowed {
			t.Errorf("%s: %v, and %v as IPv6", addr, allowed, mapped)
		}
		if own, _ := judge.Dialable(addr, []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}); own {
			t.Errorf("%s is the gateway's and may be dialled", addr)
		}
	})
}
