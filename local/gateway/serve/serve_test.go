package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func TestGatewayFromStartToStop(t *testing.T) {
	t.Parallel()
	slow := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/slow":
			close(slow)
			time.Sleep(200 * time.Millisecond)
			io.WriteString(w, "done")
		case "/elsewhere":
			t.Error("the probe followed a redirect")
		}
	}))
	defer app.Close()
	host, port := split(t, app.Listener.Addr().String())
	listen, socket := freePort(t), fmt.Sprintf("@envctl-gateway-test-%d", time.Now().UnixNano())
	cfg := protocol.Config{
		Ingress: protocol.Ingress{Routes: []protocol.Route{{App: "api", Listen: listen, Host: host, Port: port}}},
		Health: protocol.Health{Probes: []protocol.Probe{
			{App: "api", Host: host, Port: port, Path: "/healthz", Interval: 10, Timeout: 2, Retries: 3, Grace: 30},
			{App: "down", Host: host, Port: freePort(t), Interval: 10, Timeout: 2, Retries: 3, Grace: 0.2},
			{App: "tcp", Host: host, Port: port, Interval: 10, Timeout: 2, Retries: 3, Grace: 30},
		}},
	}
	events := &lines{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, cfg, Options{Out: events, Status: socket}) }()

	for _, want := range []string{
		`"event":"start","reason":"1 routes, 3 probes"`,
		`"event":"health","app":"api","state":"healthy","reason":"GET /healthz: 302"`,
		fmt.Sprintf(`"event":"health","app":"tcp","state":"healthy","reason":"connect to port %d: accepted"`, port),
		fmt.Sprintf(`"event":"health","app":"down","state":"never-up","reason":"connect to port %d: connection refused"`, cfg.Health.Probes[1].Port),
	} {
		eventually(t, want, func() bool { return strings.Contains(events.String(), want) })
	}

	var answer bytes.Buffer
	if err := AskStatus(t.Context(), socket, &answer); err != nil {
		t.Fatal(err)
	}
	var status protocol.Status
	if err := json.Unmarshal(answer.Bytes(), &status); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range status.Apps {
		got = append(got, a.App+" "+string(a.State))
	}
	if want := "api healthy, down never-up, tcp healthy"; strings.Join(got, ", ") != want {
		t.Errorf("status %v, expected %s", got, want)
	}

	// A request that is under way is answered although the gateway is told to stop.
	text := make(chan string, 1)
	go func() {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/slow", listen))
		if err != nil {
			text <- err.Error()
			return
		}
		defer response.Body.Close()
		b, _ := io.ReadAll(response.Body)
		text <- string(b)
	}()
	<-slow
	cancel()
	if got := <-text; got != "done" {
		t.Errorf("the request under way got %q, expected done", got)
	}
	if err := <-done; err != nil {
		t.Errorf("Run ended with %v, expected nil", err)
	}
	if !strings.HasSuffix(events.String(), "}\n") || !strings.Contains(events.String(), `"event":"stop","reason":"told to stop"`) {
		t.Errorf("events %s, expected a stop at the end", events)
	}
	if err := AskStatus(t.Context(), socket, io.Discard); err == nil {
		t.Error("status of a gateway that has ended, expected an error")
	}
}

func TestStopDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	g, asked := make(chan struct{}), make(chan struct{})
	defer close(g)
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-g }))
	host, port := split(t, app.Listener.Addr().String())
	cfg := protocol.Config{Ingress: protocol.Ingress{Routes: []protocol.Route{{App: "api", Listen: freePort(t), Host: host, Port: port}}}}
	ctx, cancel := context.WithCancel(t.Context())
	events, done := &lines{}, make(chan error, 1)
	go func() { done <- Run(ctx, cfg, Options{Out: events}) }()
	eventually(t, "start", func() bool { return strings.Contains(events.String(), "start") })
	go func() { _, _ = http.Get(fmt.Sprintf("http://127.0.0.1:%d/", cfg.Ingress.Routes[0].Listen)) }()
	<-asked
	start := time.Now()
	cancel()
	if err := <-done; err != nil || time.Since(start) > drain+5*time.Second {
		t.Errorf("ended with %v after %v, expected nil after %v", err, time.Since(start), drain)
	}
}

func TestPortThatIsTakenIsAnError(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	cfg := protocol.Config{Ingress: protocol.Ingress{Routes: []protocol.Route{
		{App: "api", Listen: freePort(t), Host: "127.0.0.1", Port: 1}, {App: "web", Listen: taken, Host: "127.0.0.1", Port: 1},
	}}}
	err = Run(t.Context(), cfg, Options{Out: io.Discard})
	if err == nil || !strings.Contains(err.Error(), `ingress of "web"`) {
		t.Fatalf("error %v, expected one that names web", err)
	}
	free, err := net.Listen("tcp", fmt.Sprintf(":%d", cfg.Ingress.Routes[0].Listen))
	if err != nil {
		t.Fatalf("the other listener was left open: %v", err)
	}
	free.Close()
}

func TestMainRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args   []string
		env    string
		status int
		text   string
	}{
		"argument":      {[]string{"stop"}, "", exitUsage, `arguments ["stop"]`},
		"no config":     {nil, "", exitUsage, "ENVCTL_GATEWAY"},
		"wrong config":  {nil, `{"ingress":1}`, exitUsage, "ENVCTL_GATEWAY"},
		"no key":        {nil, `{"models":{"listen":443,"host":"m","trust":"/t","clients":[{"app":"a","host":"a"}]}}`, exitUsage, "ENVCTL_GATEWAY_KEY"},
		"nothing to do": {nil, `{}`, exitUsage, "nothing to do"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			got := Main(t.Context(), test.args, func(name string) string {
				if name == protocol.EnvConfig {
					return test.env
				}
				return "short"
			}, nil, io.Discard, &stderr)
			if got != test.status || !strings.Contains(stderr.String(), test.text) {
				t.Errorf("status %d, %q, expected %d with %q", got, &stderr, test.status, test.text)
			}
		})
	}
}

func TestOnlyTheHostIsLetIn(t *testing.T) {
	t.Parallel()
	for peer, in := range map[string]bool{"127.0.0.1": true, "127.0.0.2": false} {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		refused := make(chan struct{}, 1)
		l := hostListener{Listener: inner, host: netip.MustParseAddr("127.0.0.1"), refused: func() { refused <- struct{}{} }}
		accepted := make(chan struct{}, 1)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				conn.Close()
				accepted <- struct{}{}
			}
		}()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(peer)}}
		conn, err := dialer.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-accepted:
			if !in {
				t.Errorf("peer %s was let in", peer)
			}
		case <-refused:
			if in {
				t.Errorf("peer %s was refused", peer)
			}
		}
		conn.Close()
		inner.Close()
	}
}

func TestDefaultGatewayIsRead(t *testing.T) {
	t.Parallel()
	const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	cases := map[string]struct{ in, want string }{
		"bridge":       {head + "eth1\t00001DAC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\neth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", "172.17.0.1"},
		"none":         {head + "eth1\t00001DAC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n", ""},
		"device only":  {head + "eth0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
		"broken":       {head + "eth0\t00000000\tZZZZZZZZ\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
		"short":        {head + "eth0\t00000000\t01\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
		"empty":        {"", ""},
		"half a route": {head + "eth0\t00000000\n", ""},
	}
	for name, test := range cases {
		got, err := parseDefaultGateway(strings.NewReader(test.in))
		if (err == nil) != (test.want != "") || err == nil && got.String() != test.want {
			t.Errorf("%s: %v, %v, expected %q", name, got, err, test.want)
		}
	}
}
