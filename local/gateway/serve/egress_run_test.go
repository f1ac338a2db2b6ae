package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

func TestGatewayWithEgress(t *testing.T) {
	t.Parallel()
	events, port := &lines{}, freePort(t)
	cfg := protocol.Config{Egress: protocol.Egress{Listen: port, Clients: []protocol.EgressClient{
		{App: "api", Host: apiAddr, Allow: []string{"site.test"}}, {App: "lonely", Host: lonelyAddr},
	}}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, cfg, Options{Out: events, inside: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	}()
	start := `"event":"start","reason":"0 routes, 0 probes, egress of 2"`
	eventually(t, start, func() bool { return strings.Contains(events.String(), start) })
	for _, app := range []string{"api", "lonely"} {
		for host := range canaries() {
			if want := fmt.Sprintf(`"event":"canary","app":%q,"reason":`, app); !strings.Contains(events.String(), want) || !strings.Contains(events.String(), fmt.Sprintf("%q", host)) {
				t.Errorf("events %s, expected %s of %s", events, want, host)
			}
		}
	}
	if first, _, _ := strings.Cut(events.String(), start); strings.Count(first, `"event":"canary"`) != 6 || strings.Contains(first, `"allowed":true`) {
		t.Errorf("before the start %s, expected six canaries, none allowed", first)
	}
	if strings.Contains(events.String(), `"event":"egress"`) {
		t.Errorf("events %s: the gateway's own questions are nobody's egress", events)
	}
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if body(t, response, err); response.StatusCode != http.StatusForbidden {
		t.Errorf("%d, expected 403", response.StatusCode)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run ended with %v, expected nil", err)
	}
}

// A canary that is not refused ends the gateway before it serves anything.
func TestCanaryThatGetsThroughEndsTheGateway(t *testing.T) {
	t.Parallel()
	events, port := &lines{}, freePort(t)
	cfg := protocol.Config{Egress: protocol.Egress{Listen: port, Clients: []protocol.EgressClient{
		{App: "api", Host: apiAddr, Allow: []string{"*.invalid"}},
	}}}
	out := newOutward()
	out.resolve = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("none") }
	err := Run(t.Context(), cfg, Options{Out: events, inside: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, outward: out})
	if err == nil || !strings.Contains(err.Error(), `egress of "api" to canary-must-be-refused.invalid:443, which must be refused: it was not refused`) {
		t.Errorf("%v, expected that the canary got through", err)
	}
	if got := events.String(); !strings.Contains(got, `"allowed":true`) || strings.Contains(got, `"event":"start"`) || !strings.Contains(got, `"event":"stop"`) {
		t.Errorf("events %s, expected a canary that was allowed, no start, and the stop", got)
	}
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		t.Error("the proxy listens, expected not")
	}
}

func TestEgressOfAWrongListIsAnError(t *testing.T) {
	t.Parallel()
	cfg := protocol.Config{Egress: protocol.Egress{Listen: 1, Clients: []protocol.EgressClient{{App: "api", Host: apiAddr, Allow: []string{"127.0.0.1"}}}}}
	if err := Run(t.Context(), cfg, Options{Out: io.Discard}); err == nil || !strings.Contains(err.Error(), `egress of "api": allow-list entry "127.0.0.1": an IP address`) {
		t.Errorf("%v, expected an error about the entry", err)
	}
}

// settled waits until no more than n goroutines are left.
func settled(t *testing.T, n int) {
	t.Helper()
	end := time.Now().Add(15 * time.Second)
	for runtime.NumGoroutine() > n {
		if time.Now().After(end) {
			stacks := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, there were %d before:\n%s", runtime.NumGoroutine(), n, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Ten thousand connections at once, of which the proxy serves as many as one
// address may have and turns the others away; afterwards nothing is left of them
// and the next request is answered. Not parallel: it counts goroutines.
func TestTenThousandConnectionsToTheProxy(t *testing.T) {
	o := openProxy(t)
	o.at("5432", rawApp(t, func(conn net.Conn) { io.Copy(conn, conn); conn.Close() }))
	time.Sleep(20 * time.Millisecond)
	before := runtime.NumGoroutine()
	storm(t, o.addr, 10_000, 20, "CONNECT db.test:5432 HTTP/1.1\r\nHost: x\r\n\r\n", egressEach)
	settled(t, before)
	if n := sizeOf(o.proxy.crowd); n != 0 {
		t.Errorf("%d connections are still counted", n)
	}
	o.open(t, "db.test:5432").Close()
}

// The same at the ingress of an app: what it holds is bounded, and it goes on.
func TestTenThousandConnectionsToAnApp(t *testing.T) {
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hi") })
	time.Sleep(20 * time.Millisecond)
	before := runtime.NumGoroutine()
	storm(t, g.addr, 10_000, 20, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", ingressTotal)
	settled(t, before)
	response, err := http.Get(g.url)
	if got := body(t, response, err); got != "hi" {
		t.Errorf("afterwards %q, expected hi", got)
	}
	http.DefaultClient.CloseIdleConnections()
}

func sizeOf(c *crowd) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all + len(c.from)
}

// storm opens n connections and keeps them, workers at a time; each says
// request. At most limit of them may be served at a time.
func storm(t *testing.T, addr string, n, workers int, request string, limit int) {
	t.Helper()
	var served, away, closed atomic.Int32
	next := make(chan int)
	var group sync.WaitGroup
	var mu sync.Mutex
	var kept []net.Conn
	for range workers {
		group.Go(func() {
			for range next {
				conn, err := net.DialTimeout("tcp", addr, 20*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				io.WriteString(conn, request)
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				switch {
				case err != nil:
					closed.Add(1)
				case answer.StatusCode == http.StatusOK:
					served.Add(1)
				case answer.StatusCode == http.StatusServiceUnavailable:
					away.Add(1)
				default:
					t.Errorf("answer %d %s", answer.StatusCode, answer.Header.Get(headerRefused))
				}
				if err == nil && answer.StatusCode == http.StatusOK {
					mu.Lock()
					kept = append(kept, conn)
					mu.Unlock()
				} else {
					conn.Close()
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	for _, conn := range kept {
		conn.Close()
	}
	if int(served.Load()) != limit || int(away.Load()) == 0 {
		t.Errorf("%d served, %d told that there are too many, %d closed, expected %d served", served.Load(), away.Load(), closed.Load(), limit)
	}
}
