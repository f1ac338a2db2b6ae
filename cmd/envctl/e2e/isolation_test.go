package e2e

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
)

// TestAnAppReachesNothingElse tries, from inside an app, what its sandbox is to
// keep it from; the package local/sandbox does it with a hostile program.
func TestAnAppReachesNothingElse(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, twoApps)
	x.must(0, "up")
	inside := func(args ...string) call {
		return x.run(append([]string{"exec", "api", "--", "/app"}, args...)...)
	}
	if c := inside("dial", "store:80"); c.code != 0 {
		t.Fatalf("the app that it needs does not answer: %s", c.stderr)
	}
	outside, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = outside.Close() }()
	_, port, err := net.SplitHostPort(outside.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, address := range addresses(t) {
		there := net.JoinHostPort(address.String(), port)
		conn, err := net.Dial("tcp", there)
		if err != nil {
			continue // the address of a test beside this one, which is gone by now
		}
		_ = conn.Close()
		tried++
		if c := inside("dial", there); c.code == 0 {
			t.Errorf("the app reaches the host at %s", there)
		}
	}
	if tried == 0 {
		t.Fatal("the host has no address but its loopback, so there is nothing that an app must not reach")
	}
	for _, name := range []string{"example.com", "host.docker.internal", "localhost.localdomain"} {
		if c := inside("lookup", name); c.code == 0 {
			t.Errorf("%s resolves to %s", name, c.stdout)
		}
	}
	if c := inside("write", "/note", "x"); c.code == 0 || !strings.Contains(c.stderr, "read-only") {
		t.Errorf("the root can be written: %+v", c)
	}
	if c := inside("cat", "/proc/self/status"); !strings.Contains(c.stdout, "CapEff:\t0000000000000000") ||
		!strings.Contains(c.stdout, "Uid:\t65532\t65532") || !strings.Contains(c.stdout, "NoNewPrivs:\t1") {
		t.Errorf("privileges: %s", c.stdout)
	}
	onlyOnLoopback(t, x)
	x.must(0, "down")
	x.gone()
}

// addresses are the host's, without the loopback's.
func addresses(t *testing.T) []netip.Addr {
	t.Helper()
	list, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var out []netip.Addr
	for _, a := range list {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() {
			out = append(out, prefix.Addr())
		}
	}
	return out
}

// onlyOnLoopback fails the test where a port is published elsewhere, or by another
// container than the gateway's.
func onlyOnLoopback(t *testing.T, x *experiment) {
	t.Helper()
	list, err := x.engine.Containers(t.Context(), docker.Filter{Labels: target.Selector(x.name, "default")})
	if err != nil || len(list) != 3 {
		t.Fatalf("%d containers, %v", len(list), err)
	}
	published := 0
	for _, c := range list {
		for _, p := range c.Ports {
			if p.Host == 0 {
				continue
			}
			if published++; p.HostIP != "127.0.0.1" || c.Labels[target.LabelComponent] != target.Gateway {
				t.Errorf("%s publishes %+v", c.Name, p)
			}
			for _, address := range addresses(t) {
				there := netip.AddrPortFrom(address, uint16(p.Host)).String()
				if conn, err := net.Dial("tcp", there); err == nil {
					_ = conn.Close()
					t.Errorf("%s answers at %s", c.Name, there)
				}
			}
		}
	}
	if published != 1 {
		t.Errorf("%d ports are published", published)
	}
}
