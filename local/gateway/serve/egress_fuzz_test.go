package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// FuzzProxy: whatever a workload writes to the proxy, no name is resolved but one
// that its list has, and nothing is dialled but what was resolved.
func FuzzProxy(f *testing.F) {
	for _, text := range []string{
		"CONNECT site.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n\x16\x03\x01",
		"GET http://a.wild.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\nGET http://evil.test/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST http://site.test/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nCONNECT evil.test:443 HTTP/1.1\r\n\r\n",
		"GET http://site.test@evil.test/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://evil.test\\.wild.test/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT [::1]:443 HTTP/1.1\r\n\r\n", "GET //site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: site.test\r\n\r\n",
	} {
		f.Add(text)
	}
	resolved := make(chan string, 100)
	out := newOutward()
	out.resolve = func(_ context.Context, name string) ([]netip.Addr, error) {
		resolved <- name
		return []netip.Addr{netip.MustParseAddr(siteAddr)}, nil
	}
	out.dial = func(_ context.Context, _, address string) (net.Conn, error) {
		if !strings.HasPrefix(address, siteAddr+":") {
			f.Errorf("dialled %s", address)
		}
		return nil, errors.New("nothing is there")
	}
	e, err := newEgress(protocol.Egress{Listen: 1, Clients: []protocol.EgressClient{
		{App: "api", Host: apiAddr, Allow: []string{"site.test", "*.wild.test"}},
	}}, newDialer(), out, newEmitter(io.Discard))
	if err != nil {
		f.Fatal(err)
	}
	entrance := &within{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := e.newServer()
	go server.Serve(entrance)
	f.Cleanup(func() { server.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		mine, theirs := net.Pipe()
		entrance.conns <- asks{theirs, "api"}
		mine.SetDeadline(time.Now().Add(time.Second))
		go func() { _, _ = io.WriteString(mine, text); time.Sleep(time.Millisecond); mine.Close() }()
		_, _ = io.Copy(io.Discard, mine)
		for {
			select {
			case name := <-resolved:
				if name != "site.test." && !strings.HasSuffix(name, ".wild.test.") {
					t.Errorf("%q resolved %q", text, name)
				}
				continue
			default:
			}
			return
		}
	})
}
