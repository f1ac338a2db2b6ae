package serve

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// brings are requests that bring something out; @ is where they ask.
var brings = map[string]string{
	"put":     "PUT @/secret HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi",
	"post":    "POST @/ HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi",
	"delete":  "DELETE @/ HTTP/1.1\r\nHost: site.test\r\n\r\n",
	"own":     "STORE @/ HTTP/1.1\r\nHost: site.test\r\n\r\n",
	"small":   "get @/ HTTP/1.1\r\nHost: site.test\r\n\r\n",
	"body":    "GET @/ HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi",
	"chunked": "HEAD @/ HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
	"upgrade": "GET @/ HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
}

// Where a workload may only read, nothing that brings something comes out.
func TestProxyThatOnlyReads(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	o := openProxy(t, func(e *egress) { e.reads["api"] = true })
	o.at("80", plain(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	for name, request := range brings {
		answer := o.say(t, apiAddr, strings.Replace(request, "@", "http://site.test", 1))
		if answer == nil || answer.StatusCode != http.StatusForbidden || answer.Header.Get(headerRefused) != reasonReadOnly {
			t.Errorf("%s: %+v, expected 403", name, answer)
		}
	}
	if asked, dialled := o.seen(); arrived.Load() != 0 || len(asked) != 0 || len(dialled) != 0 {
		t.Errorf("%d arrived, asked %q, dialled %q", arrived.Load(), asked, dialled)
	}
	for _, method := range []string{"GET", "HEAD"} {
		if answer := o.say(t, apiAddr, method+" http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n"); answer == nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %+v, expected 200", method, answer)
		}
	}
}

func TestInsideThatOnlyReads(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	t.Cleanup(app.Close)
	host, port := split(t, app.Listener.Addr().String())
	handler := insideHandler([]protocol.InsideRoute{{App: "site.test", Host: host, Port: port, ReadOnly: true}},
		newApps(newDialer(), nil, newEmitter(&lines{}), ingressTotal))
	server := newServer(handler)
	gate := httptest.NewUnstartedServer(handler)
	gate.Config = server
	gate.Start()
	t.Cleanup(gate.Close)
	o := office{gate: gateAt(gate)}
	for name, request := range brings {
		answer := o.say(t, apiAddr, strings.Replace(request, "@", "", 1))
		if answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %+v, expected 403", name, answer)
		}
	}
	// By HTTP/2, where a body needs no length.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gate.URL, io.MultiReader(strings.NewReader("hi")))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "site.test"
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	answer, err := transport.RoundTrip(request)
	if err != nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("by HTTP/2: %+v, %v, expected 403", answer, err)
	}
	if arrived.Load() != 0 {
		t.Errorf("%d arrived", arrived.Load())
	}
	if answer := o.say(t, apiAddr, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n"); answer == nil || answer.StatusCode != http.StatusOK || arrived.Load() != 1 {
		t.Errorf("%+v, expected 200", answer)
	}
}

func gateAt(s *httptest.Server) gate {
	return gate{url: s.URL, addr: s.Listener.Addr().String()}
}
