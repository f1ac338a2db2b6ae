package protocol_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/local/gateway/protocol"
)

func valid() protocol.Config {
	return protocol.Config{
		Ingress: protocol.Ingress{HostOnly: true, Routes: []protocol.Route{
			{App: "api", Listen: 8001, Host: "api", Port: 8080},
			{App: "web", Listen: 8002, Host: "10.0.0.7", Port: 80},
		}, Inside: protocol.Inside{Listen: 80, Routes: []protocol.InsideRoute{
			{App: "api", Host: "api-replica", Port: 8080}, {App: "web", Host: "10.0.0.7", Port: 80},
		}}},
		Health: protocol.Health{Probes: []protocol.Probe{
			{App: "api", Host: "api", Port: 8080, Path: "/healthz?full=1", Interval: 10, Timeout: 2, Retries: 3, Grace: 30},
			{App: "web", Host: "10.0.0.7", Port: 80, Interval: 0.5, Timeout: 0.25, Retries: 1},
		}},
	}
}

func TestConfigSurvivesTheTrip(t *testing.T) {
	t.Parallel()
	text, err := valid().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := protocol.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(valid(), got); diff != "" {
		t.Error(diff)
	}
	again, err := got.Encode()
	if err != nil || again != text {
		t.Errorf("encoded again: %q, %v, expected the same text", again, err)
	}
}

// A gateway that passes requests on has no clients; only its certificate needs a key.
func TestForwardingIsAConfiguration(t *testing.T) {
	t.Parallel()
	whole := protocol.Config{
		Identity: protocol.Identity{Listen: 4141, Forward: true},
		Models:   protocol.Models{Listen: 443, Host: "*.example.com", Trust: "/trust", Forward: true},
	}
	text, err := whole.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := protocol.Decode(text)
	if err != nil || cmp.Diff(whole, got) != "" || got.Empty() || !got.NeedsKey() {
		t.Errorf("%+v, %v", got, err)
	}
	tokens := protocol.Config{Identity: whole.Identity}
	if tokens.Empty() || tokens.NeedsKey() {
		t.Error("whoever passes requests for tokens on vouches for nobody, and has work")
	}
	for name, change := range map[string]func(*protocol.Config){
		"a client beside": func(c *protocol.Config) {
			c.Identity.Clients = []protocol.IdentityClient{{App: "a", Host: "a", ClientID: "c"}}
		},
		"no port":                func(c *protocol.Config) { c.Identity.Listen = 0 },
		"one port for both":      func(c *protocol.Config) { c.Models.Listen = 4141 },
		"no name":                func(c *protocol.Config) { c.Models.Host = "" },
		"no folder":              func(c *protocol.Config) { c.Models.Trust = "" },
		"a port, and nothing on": func(c *protocol.Config) { c.Identity.Forward = false },
	} {
		bad := whole
		change(&bad)
		if _, err := bad.Encode(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestConfigRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*protocol.Config)
		want   string
	}{
		"app is not a label":   {func(c *protocol.Config) { c.Ingress.Routes[0].App = "A b" }, `app "A b"`},
		"host is not a label":  {func(c *protocol.Config) { c.Health.Probes[0].Host = "api.example.com" }, `host "api.example.com"`},
		"port is 0":            {func(c *protocol.Config) { c.Ingress.Routes[0].Port = 0 }, "port 0"},
		"listen is too high":   {func(c *protocol.Config) { c.Ingress.Routes[0].Listen = 65536 }, "listen port 65536"},
		"listen twice":         {func(c *protocol.Config) { c.Ingress.Routes[1].Listen = 8001 }, "given twice"},
		"app twice":            {func(c *protocol.Config) { c.Ingress.Routes[1].App = "api" }, "given twice"},
		"inside port is 0":     {func(c *protocol.Config) { c.Ingress.Inside.Listen = 0 }, "inside: listen port 0"},
		"inside port is taken": {func(c *protocol.Config) { c.Ingress.Inside.Listen = 8002 }, "8002 given twice"},
		"inside has no routes": {func(c *protocol.Config) { c.Ingress.Inside.Routes = nil }, "without routes"},
		"inside twice":         {func(c *protocol.Config) { c.Ingress.Inside.Routes[1].App = "api" }, "each app once"},
		"inside is no label":   {func(c *protocol.Config) { c.Ingress.Inside.Routes[1].App = "a.b" }, `app "a.b"`},
		"probe twice":          {func(c *protocol.Config) { c.Health.Probes[1].App = "api" }, "one probe an app"},
		"path without a slash": {func(c *protocol.Config) { c.Health.Probes[0].Path = "healthz" }, `path "healthz"`},
		"path with a newline":  {func(c *protocol.Config) { c.Health.Probes[0].Path = "/a\r\nHost: b" }, "printable"},
		"path too long":        {func(c *protocol.Config) { c.Health.Probes[0].Path = "/" + strings.Repeat("a", 1024) }, "1023"},
		"retries 0":            {func(c *protocol.Config) { c.Health.Probes[0].Retries = 0 }, "retries 0"},
		"interval 0":           {func(c *protocol.Config) { c.Health.Probes[0].Interval = 0 }, "interval 0"},
		"timeout negative":     {func(c *protocol.Config) { c.Health.Probes[0].Timeout = -1 }, "timeout -1"},
		"grace of days":        {func(c *protocol.Config) { c.Health.Probes[0].Grace = 1e6 }, "grace 1e+06"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := valid()
			test.change(&c)
			if _, err := c.Encode(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Encode: %v, expected an error with %q", err, test.want)
			}
		})
	}
}

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"nothing":       "",
		"unknown key":   `{"ingres":{}}`,
		"wrong type":    `{"ingress":[]}`,
		"more after it": `{} {}`,
		"too long":      `{"health":{}}` + strings.Repeat(" ", 128<<10),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, err := protocol.Decode(text); err == nil {
				t.Errorf("Decode: %+v, expected an error", c)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	text, err := valid().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(`{"ingress":{"routes":[{"app":"a","listen":1,"host":"::1","port":2}]}}`)
	f.Add(`{"health":{"probes":[{"app":"a","host":"a","port":1,"interval":1e308,"timeout":-0,"retries":1,"grace":0}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := protocol.Decode(text)
		if err != nil {
			return
		}
		encoded, err := c.Encode()
		if err != nil {
			t.Fatalf("accepted %q, but refused to encode it: %v", text, err)
		}
		again, err := protocol.Decode(encoded)
		if err != nil {
			t.Fatalf("%q from %q: %v", encoded, text, err)
		}
		if twice, err := again.Encode(); err != nil || twice != encoded {
			t.Errorf("%q, then %q, %v", encoded, twice, err)
		}
		for _, p := range c.Health.Probes {
			if protocol.Seconds(p.Interval) <= 0 || protocol.Seconds(p.Timeout) <= 0 || protocol.Seconds(p.Grace) < 0 {
				t.Errorf("accepted a probe without time: %+v", p)
			}
		}
	})
}
