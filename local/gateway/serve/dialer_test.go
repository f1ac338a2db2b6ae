package serve

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is a DNS server on loopback. Like an engine's it answers for
// containers that run, and says nothing at all about other names.
type nameServer struct {
	conn    net.PacketConn
	running atomic.Bool
	asked   chan string
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &nameServer{conn: conn, asked: make(chan string, 1000)}
	go s.serve()
	return s
}

func (s *nameServer) serve() {
	buf := make([]byte, 1500)
	for {
		n, peer, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		s.asked <- q.Name.String() + " " + q.Type.String()
		if !s.running.Load() {
			continue
		}
		m.Response = true
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 600},
			Body:   &dnsmessage.AResource{A: [4]byte{10, 0, 0, 7}},
		}}
		if out, err := m.Pack(); err == nil {
			s.conn.WriteTo(out, peer)
		}
	}
}

func (s *nameServer) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "udp", s.conn.LocalAddr().String())
}

// Look-ups that began before the app was there, and are still waiting, must not
// hold up one that begins after.
func TestNameIsFoundThoughOthersStillWait(t *testing.T) {
	t.Parallel()
	server := newNameServer(t)
	d := newDialer()
	d.lookup, d.inner = lookupWith(server.connect), nil
	var waiting sync.WaitGroup
	for range 5 {
		waiting.Go(func() { d.resolve(t.Context(), "api", 20*time.Second) })
	}
	if _, err := d.resolve(t.Context(), "api", glanceTimeout); err != errNotRunning {
		t.Errorf("before: %v, expected %v", err, errNotRunning)
	}
	server.running.Store(true)
	began := time.Now()
	addr, err := d.resolve(t.Context(), "api", 20*time.Second)
	if addr != netip.MustParseAddr("10.0.0.7") || err != nil {
		t.Errorf("after: %v, %v, expected 10.0.0.7", addr, err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("found after %v, expected at once", took)
	}
	for range len(server.asked) {
		if got := <-server.asked; got != "api. TypeA" {
			t.Errorf("asked for %q, expected the absolute name's address only", got)
		}
	}
	waiting.Wait()
}

// Some name servers have an address for every name: a stranger's, which is no app's.
func TestNameLeadsToTheInnerNetworkOnly(t *testing.T) {
	t.Parallel()
	app, stranger := netip.MustParseAddr("198.19.0.2"), netip.MustParseAddr("203.0.113.9")
	d := newDialer()
	answers := []netip.Addr{stranger}
	d.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return answers, nil }
	d.inner = func(a netip.Addr) bool { return a == app }
	if addr, err := d.resolve(t.Context(), "api", time.Second); err != errNotRunning {
		t.Errorf("a stranger's address: %v, %v, expected %v", addr, err, errNotRunning)
	}
	answers = []netip.Addr{stranger, app}
	if addr, err := d.resolve(t.Context(), "api", time.Second); addr != app || err != nil {
		t.Errorf("with the app's own: %v, %v, expected %v", addr, err, app)
	}
}

func TestInnerNetworksHaveNoWayOut(t *testing.T) {
	t.Parallel()
	var all []net.Addr
	for _, text := range []string{"127.0.0.1/8", "172.17.0.2/16", "198.19.0.126/25", "fd00::1/64"} {
		ip, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &net.IPNet{IP: ip, Mask: network.Mask})
	}
	got := innerOf(all, netip.MustParseAddr("172.17.0.1"))
	if len(got) != 1 || got[0] != netip.MustParsePrefix("198.19.0.126/25") {
		t.Errorf("inner networks %v", got)
	}
}
