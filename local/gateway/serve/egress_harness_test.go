package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// outside is an internet on loopback: names with addresses, and what answers at
// an address and port.
type outside struct {
	mu      sync.Mutex
	names   map[string][]string // name with its dot → addresses
	servers map[string]string   // address:port → where it really is
	asked   []string            // names that were resolved
	dialled []string            // addresses that were dialled
}

func (o *outside) resolve(_ context.Context, name string) ([]netip.Addr, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, name)
	var out []netip.Addr
	for _, a := range o.names[name] {
		out = append(out, netip.MustParseAddr(a))
	}
	if out == nil {
		return nil, errors.New("no such host")
	}
	return out, nil
}

func (o *outside) dial(ctx context.Context, network, address string) (net.Conn, error) {
	o.mu.Lock()
	o.dialled = append(o.dialled, address)
	where := o.servers[address]
	o.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, network, where)
}

func (o *outside) seen() (asked, dialled []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.asked...), append([]string(nil), o.dialled...)
}

// The addresses in these tests: of the workloads and of the outside.
const (
	apiAddr, lonelyAddr, strangerAddr = "127.0.0.1", "127.0.0.2", "127.0.0.3"
	siteAddr                          = "140.82.121.4"
)

// office is a proxy with the workloads api, which may reach some hosts, and
// lonely, which may reach none.
type office struct {
	gate
	*outside
	proxy *egress
}

func openProxy(t *testing.T, change ...func(*egress)) office {
	t.Helper()
	world := &outside{
		names: map[string][]string{
			"site.test.": {siteAddr}, "a.wild.test.": {siteAddr}, "db.test.": {siteAddr}, "other.test.": {siteAddr},
			"metadata.wild.test.": {"169.254.169.254"}, "inner.wild.test.": {siteAddr, "10.0.0.5"}, "mapped.wild.test.": {"::ffff:127.0.0.1"},
		},
		servers: map[string]string{},
	}
	out := newOutward()
	out.resolve, out.dial = world.resolve, world.dial
	events := &lines{}
	e, err := newEgress(protocol.Egress{Listen: 1, Clients: []protocol.EgressClient{
		{App: "api", Host: apiAddr, Allow: []string{"site.test", "*.wild.test", "db.test:5432", "unknown.test"}},
		{App: "lonely", Host: lonelyAddr},
	}}, newDialer(), out, newEmitter(events))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(e)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.listeners = []net.Listener{e.crowd.bound(l)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the proxy ended with %v", err)
		}
	})
	return office{gate{url: "http://" + l.Addr().String(), addr: l.Addr().String(), events: events}, world, e}
}

// at puts a server at the site's address and port.
func (o office) at(port, where string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.servers[net.JoinHostPort(siteAddr, port)] = where
}

// from connects to the proxy from an address.
func (o office) from(t *testing.T, address string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := d.Dial("tcp", o.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// say sends a request as it is from an address; nil when no answer came.
func (o office) say(t *testing.T, address, request string) *http.Response {
	t.Helper()
	conn := o.from(t, address)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	return response
}

// open opens a tunnel and returns it when it stands.
func (o office) open(t *testing.T, target string) net.Conn {
	t.Helper()
	conn := o.from(t, apiAddr)
	io.WriteString(conn, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n")
	answer := make([]byte, len(established)) // and not a byte of what follows
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != established {
		t.Fatalf("tunnel to %s: %q, %v", target, answer, err)
	}
	return conn
}

// client is an HTTP client that uses the proxy as its variables tell it to.
func (o office) client(t *testing.T, roots *x509.CertPool, name string) *http.Client {
	t.Helper()
	proxy, err := url.Parse(o.url)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// secure is a TLS server outside; its certificate is for example.com, which its
// clients here expect.
func secure(t *testing.T, handler http.HandlerFunc) (where string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.Listener.Addr().String(), roots
}

func plain(t *testing.T, handler http.HandlerFunc) (where string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
