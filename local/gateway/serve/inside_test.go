package serve

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/gateway/protocol"
)

func TestInsideChoosesTheAppByItsName(t *testing.T) {
	t.Parallel()
	var routes []protocol.InsideRoute
	for _, name := range []string{"api", "store"} {
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(name + " for " + r.Host))
		}))
		t.Cleanup(app.Close)
		host, port := split(t, app.Listener.Addr().String())
		routes = append(routes, protocol.InsideRoute{App: name, Host: host, Port: port})
	}
	gate := httptest.NewServer(insideHandler(routes, newApps(newDialer(), nil, newEmitter(&lines{}), ingressTotal)))
	t.Cleanup(gate.Close)
	for host, want := range map[string]string{
		"store": "store for store", "api": "api for api", "STORE:80": "store for STORE:80", "store.": "store for store.",
		"other": `no app with ingress has the name "other" here`,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gate.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		answer, err := http.DefaultClient.Do(request)
		if got := body(t, answer, err); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, expected %q", host, got, want)
		}
		if host == "other" && answer.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d, expected 404", host, answer.StatusCode)
		}
	}
}

// The network with a way out, the loopback and IPv6 are not inside.
func TestInsideIsNotOutside(t *testing.T) {
	t.Parallel()
	var all []net.Addr
	for _, a := range []string{"127.0.0.1/8", "172.17.0.5/16", "172.20.0.3/16", "fe80::1/64", "10.1.0.9/24"} {
		ip, ipNet, err := net.ParseCIDR(a)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &net.IPNet{IP: ip, Mask: ipNet.Mask})
	}
	got := insideOf(all, netip.MustParseAddr("172.17.0.1"))
	want := []netip.Addr{netip.MustParseAddr("172.20.0.3"), netip.MustParseAddr("10.1.0.9")}
	if !slices.Equal(got, want) {
		t.Errorf("%v, expected %v", got, want)
	}
}
