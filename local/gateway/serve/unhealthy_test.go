package serve

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// With HTTP/2 one connection asks without end; beyond the limit it is told so, and
// those under way are served.
func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 10
	under, finish := make(chan struct{}), make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { under <- struct{}{}; <-finish }))
	t.Cleanup(app.Close)
	host, port := split(t, app.Listener.Addr().String())
	shared := newApps(newDialer(), nil, newEmitter(&lines{}), limit)
	server := httptest.NewUnstartedServer(nil)
	server.Config = newServer(shared.proxy(protocol.Route{App: "api", Host: host, Port: port}))
	server.Start()
	t.Cleanup(server.Close)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	codes := make(chan int, limit)
	for range limit {
		go func() {
			response, err := client.Get(server.URL)
			if err != nil {
				codes <- 0
				return
			}
			response.Body.Close()
			codes <- response.StatusCode
		}()
	}
	for range limit {
		<-under
	}
	response, err := client.Get(server.URL)
	if got := body(t, response, err); response.StatusCode != http.StatusServiceUnavailable || got != "too many requests at a time: wait for some to end" {
		t.Errorf("%d %q, expected 503", response.StatusCode, got)
	}
	close(finish)
	for range limit {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("%d, expected 200", code)
		}
	}
	if len(shared.turns) != 0 {
		t.Errorf("%d requests are still counted", len(shared.turns))
	}
}

// While an app is known not to be healthy the gateway answers for it at once; one
// that is starting, or that nobody checks, is asked.
func TestAppThatIsNotHealthyIsNotAsked(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(app.Close)
	host, port := split(t, app.Listener.Addr().String())
	known := newBoard(protocol.Health{})
	routed := openKnown(t, protocol.Route{App: "api", Listen: 1, Host: host, Port: port}, newDialer(), known)
	inside := httptest.NewServer(insideHandler([]protocol.InsideRoute{{App: "api", Host: host, Port: port}}, newApps(newDialer(), known, newEmitter(&lines{}), ingressTotal)))
	t.Cleanup(inside.Close)
	for state, want := range map[protocol.State]string{
		"": "", protocol.StateStarting: "", protocol.StateHealthy: "",
		protocol.StateUnhealthy: "app api is not healthy: GET /healthz: 500", protocol.StateNeverUp: "app api is not healthy: GET /healthz: 500",
	} {
		known.set(protocol.AppStatus{App: "api", State: state, Reason: "GET /healthz: 500"})
		for _, url := range []string{routed.url, inside.URL} {
			before := asked.Load()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = "api"
			response := do(t, request)
			got := body(t, response, nil)
			if got != want || (response.StatusCode == http.StatusServiceUnavailable) != (want != "") || (asked.Load() == before) != (want != "") {
				t.Errorf("%s, state %q: %d %q, asked %v, expected %q", url, state, response.StatusCode, got, asked.Load() > before, want)
			}
		}
	}
	if got := routed.events.String(); !strings.Contains(got, `"event":"ingress","app":"api","reason":"not healthy"`) {
		t.Errorf("events %s, expected one", got)
	}
}
