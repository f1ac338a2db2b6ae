package dockerrun

import (
	"reflect"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/oneshot"
)

// TestReach looks at what a build step's gateway leads to, for each kind of index.
func TestReach(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		url, inside string
		allow       []string // by the proxy
		route       string   // by the ingress
		fails       string
	}{
		{"https://192.0.2.7/simple", "https://192.0.2.7/simple", []string{"192.0.2.7", "files.example"}, "", ""},
		{"https://192.0.2.7:8443/simple", "https://192.0.2.7:8443/simple", []string{"192.0.2.7:8443", "files.example"}, "", ""},
		{"http://192.0.2.7/simple", "http://192.0.2.7/simple", []string{"192.0.2.7:80", "files.example"}, "", ""},
		{"http://10.1.2.3:3141/root/pypi", "http://index/root/pypi", nil, "10.1.2.3", ""},
		{"http://192.168.1.5/simple", "http://index/simple", nil, "192.168.1.5", ""},
		{"https://10.1.2.3/simple", "", nil, "", "cannot be reached"},
		{"http://127.0.0.1:3141/simple", "", nil, "", "cannot be reached"},
		{"http://localhost:3141/simple", "", nil, "", "cannot be reached"},
		{"http://user:secret@192.0.2.7/simple", "", nil, "", "is no address"},
		{"http://user:p@secret@192.0.2.7:x/simple", "", nil, "", "is no address"}, {"user:secret@192.0.2.7/simple", "", nil, "", "is no address"},
		{"ftp://192.0.2.7/simple", "", nil, "", "is no address"},
		{"/simple", "", nil, "", "is no address"},
		{"", "", nil, "", "is no address"},
	} {
		config, inside, err := reach(t.Context(), oneshot.Index{URL: row.url, Hosts: []string{"files.example"}})
		if row.fails != "" {
			if err == nil || !strings.Contains(err.Error(), row.fails) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %+v, %v, want an error with %q", row.url, config, err, row.fails)
			}
			continue
		}
		var allow []string
		route := ""
		reads := true // nothing can be sent by the way to an index
		for _, c := range config.Egress.Clients {
			allow, reads = c.Allow, reads && c.ReadOnly
		}
		for _, r := range config.Ingress.Inside.Routes {
			route, reads = r.Host, reads && r.ReadOnly
		}
		if err != nil || inside != row.inside || !reflect.DeepEqual(allow, row.allow) || route != row.route || !reads {
			t.Errorf("%q: inside %q, allow %q, route %q, only read %v, %v", row.url, inside, allow, route, reads, err)
		}
		if _, err := config.Encode(); err != nil {
			t.Errorf("%q: %v", row.url, err)
		}
		if protocol.IsAddress(route) != (route != "") {
			t.Errorf("%q: route %q", row.url, route)
		}
	}
}
