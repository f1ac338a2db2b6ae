package serve

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestRefusedBeforeAnythingHappens: what is refused is answered with the reason,
// no name is resolved for it and nothing is dialled.
func TestRefusedBeforeAnythingHappens(t *testing.T) {
	t.Parallel()
	const notListed, address = "the host is not in its list", "an IP address: hosts are allowed by name only"
	connect := func(target string) string {
		return "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n"
	}
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: site.test\r\n\r\n" }
	cases := map[string]struct {
		from, request, reason string
		status                int
	}{
		"not listed":              {apiAddr, connect("evil.test:443"), notListed, 403},
		"host says otherwise":     {apiAddr, "CONNECT evil.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n", notListed, 403},
		"empty list":              {lonelyAddr, connect("site.test:443"), "its list of hosts is empty, so nothing is allowed", 403},
		"a stranger":              {strangerAddr, connect("site.test:443"), reasonStranger, 403},
		"a stranger, plain":       {strangerAddr, get("http://site.test/"), reasonStranger, 403},
		"apex of a wildcard":      {apiAddr, connect("wild.test:443"), notListed, 403},
		"suffix without a dot":    {apiAddr, connect("evilwild.test:443"), notListed, 403},
		"suffix in front":         {apiAddr, connect("site.test.evil.test:443"), notListed, 403},
		"another port":            {apiAddr, connect("site.test:22"), "its list has the host, but not this port", 403},
		"no port":                 {apiAddr, connect("site.test"), "no port", 403},
		"port with a zero":        {apiAddr, connect("site.test:0443"), "a port that is not 1 to 65535", 403},
		"IPv4":                    {apiAddr, connect("140.82.121.4:443"), address, 403},
		"IPv4 in octal":           {apiAddr, connect("0177.0.0.1:443"), address, 403},
		"IPv4 in hex":             {apiAddr, connect("0x7f000001:443"), address, 403},
		"IPv4 as a number":        {apiAddr, connect("2130706433:443"), address, 403},
		"IPv4 in short":           {apiAddr, connect("127.1:443"), address, 403},
		"IPv6":                    {apiAddr, connect("[::1]:443"), address, 403},
		"IPv6 mapped":             {apiAddr, connect("[::ffff:127.0.0.1]:443"), address, 403},
		"two dots at the end":     {apiAddr, connect("site.test..:443"), "a name with an empty part, one of more than 63 characters, or one with a hyphen at its edge", 403},
		"metadata":                {apiAddr, get("http://169.254.169.254/latest/meta-data/"), address, 403},
		"plain, not listed":       {apiAddr, get("http://evil.test/"), notListed, 403},
		"plain, IPv6 with a zone": {apiAddr, get("http://[fe80::1%25eth0]/"), address, 403},
		"plain, Unicode":          {apiAddr, get("http://ѕite.test/"), "a name with letters other than ASCII", 403},
		"plain, escaped":          {apiAddr, get("http://site%2etest/"), "", 400},
		"plain, a user":           {apiAddr, get("http://site.test@evil.test/"), reasonUser, 403},
		"plain, fragment of TLS":  {apiAddr, get("https://site.test/"), reasonForm, 403},
		"another scheme":          {apiAddr, get("ftp://site.test/"), reasonForm, 403},
		"no proxy's request":      {apiAddr, get("/"), reasonForm, 403},
		"a name with NUL":         {apiAddr, connect("evil.test\x00.wild.test:443"), "", 400},
		"a tab in the name":       {apiAddr, connect("a\tb.wild.test:443"), "", 400},
		"a line in the name":      {apiAddr, "CONNECT evil.test\r\n.wild.test:443 HTTP/1.1\r\n\r\n", "", 400},
		"two hosts":               {apiAddr, "GET http://site.test/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "", 400},
		"HTTP/2":                  {apiAddr, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", reasonForm, 403},
		"nothing known":           {apiAddr, "\x05\x01\x00\r\n\r\n", "", 400},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openProxy(t)
			r := o.say(t, test.from, test.request)
			if r == nil || r.StatusCode != test.status || r.Header.Get(headerRefused) != test.reason {
				t.Errorf("answer %+v, expected %d with %s: %q", r, test.status, headerRefused, test.reason)
			}
			if test.reason != "" && !strings.Contains(o.events.String(), `"event":"egress"`) {
				t.Errorf("events %s, expected one", o.events)
			}
			if asked, dialled := o.seen(); len(asked)+len(dialled) > 0 {
				t.Errorf("resolved %q, dialled %q, expected nothing", asked, dialled)
			}
		})
	}
}

// A name that is allowed and leads to an address that is not: all of its
// addresses are judged, once, and none is dialled.
func TestNamesThatLeadInsideAreRefused(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]string{
		"metadata.wild.test": "a metadata address of a cloud", "inner.wild.test": "a private address", "mapped.wild.test": "own networks",
	} {
		for _, request := range []string{
			"CONNECT " + name + ":443 HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://" + name + "/ HTTP/1.1\r\nHost: " + name + "\r\n\r\n",
		} {
			o := openProxy(t)
			r := o.say(t, apiAddr, request)
			if r == nil || r.StatusCode != 403 || !strings.Contains(r.Header.Get(headerRefused), what) {
				t.Errorf("%q: %+v, expected a refusal: %s", request, r, what)
			}
			if strings.Contains(o.events.String(), `"allowed":true`) {
				t.Errorf("%q: events %s, expected none that it was allowed", request, o.events)
			}
			if asked, dialled := o.seen(); len(asked) != 1 || len(dialled) > 0 {
				t.Errorf("%q: resolved %q, dialled %q, expected one look-up", request, asked, dialled)
			}
		}
	}
}

// The answer that was judged is what is dialled: a second one is not asked for.
func TestRebindingHasNoEffect(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	where, roots := secure(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hi") })
	o.at("443", where)
	o.outside.mu.Lock()
	o.names["site.test."] = []string{siteAddr}
	o.outside.mu.Unlock()
	client := o.client(t, roots, "")
	client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true // its certificate is for another name
	response, err := client.Get("https://site.test/")
	if got := body(t, response, err); got != "hi" {
		t.Errorf("answer %q, expected hi", got)
	}
	asked, dialled := o.seen()
	if !slices.Equal(asked, []string{"site.test."}) || !slices.Equal(dialled, []string{siteAddr + ":443"}) {
		t.Errorf("resolved %q, dialled %q, expected one look-up, and its answer dialled", asked, dialled)
	}
	if want := `"event":"egress","app":"api","count":1,"host":"site.test:443","allowed":true`; !strings.Contains(o.events.String(), want) {
		t.Errorf("events %s, expected %s", o.events, want)
	}
}

func TestHostThatIsNotThere(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	for request, want := range map[string]string{
		"CONNECT unknown.test:443 HTTP/1.1\r\nHost: x\r\n\r\n":              "envctl: unknown.test:443 is allowed, but was not reached: the name of the host does not resolve",
		"GET http://unknown.test/ HTTP/1.1\r\nHost: unknown.test\r\n\r\n":   "envctl: unknown.test:80 is allowed, but was not reached: the name of the host does not resolve",
		"GET http://SITE.test.:80/ HTTP/1.1\r\nHost: other.example\r\n\r\n": "envctl: site.test:80 is allowed, but was not reached: ",
	} {
		r := o.say(t, apiAddr, request)
		if r == nil {
			t.Fatalf("%q: no answer", request)
		}
		if got := body(t, r, nil); r.StatusCode != 502 || !strings.HasPrefix(got, want) || r.Header.Get(headerRefused) != "" {
			t.Errorf("%q: %d %q, expected 502 %q", request, r.StatusCode, got, want)
		}
	}
}
