package gateway_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// tarOf returns an archive that holds file as /app.
func tarOf(file string) (io.ReadCloser, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: "app", Mode: 0o555, Size: int64(len(content))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return io.NopCloser(&out), nil
}

func apiConfig(tb testing.TB) protocol.Config {
	tb.Helper()
	api := app("api", 8080, true)
	api.Health = &plan.Health{Path: "/healthz", Interval: 1, Timeout: 1, Retries: 1, Grace: 30}
	cfg, ok := gateway.ConfigFor(plan.Spec{Workloads: []plan.Workload{api}})
	if !ok {
		tb.Fatal("an app with ingress needs no gateway")
	}
	return cfg
}

// The whole story on a real engine: the gateway is there first, the app comes, is
// healthy, answers, and goes.
func TestSandboxIsReachedThroughTheGateway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	gw := r.startGateway(apiConfig(t))
	url := r.url(gw, gateway.FirstPort)

	if code, text := get(t, url); code != http.StatusServiceUnavailable || text != "app api is not running yet, or not any more" {
		t.Errorf("before the app: %d %q", code, text)
	}
	api := r.create(spec{name: "api--replicas", image: r.image, network: r.internal})
	began := time.Now()
	r.start(api)
	started := time.Now()
	if err := gateway.WaitHealthy(ctx, logs{r, gw}, "api"); err != nil {
		t.Fatal(err)
	}
	// The app is healthy 0.3 s after its process began.
	t.Logf("start call %v, healthy reported %v after it", started.Sub(began), time.Since(started))

	code, text := get(t, url)
	host := strings.TrimPrefix(url, "http://")
	outside := r.inspect(gw).NetworkSettings.Networks["bridge"].Gateway
	if want := fmt.Sprintf("for %s at %s", outside, host); code != http.StatusOK || text != want {
		t.Errorf("the app answered %d %q, expected %q", code, text, want)
	}
	if s := r.status(gw); len(s.Apps) != 1 || s.Apps[0].State != protocol.StateHealthy || s.Apps[0].Reason != "GET /healthz: 200" {
		t.Errorf("status %+v, expected api healthy", s)
	}
	logMemory(t, r.inspect(gw).State.Pid)

	if err := r.kill(api); err != nil {
		t.Fatal(err)
	}
	err := gateway.Follow(ctx, logs{r, gw}, func(e protocol.Event) error {
		if e.State == protocol.StateUnhealthy {
			return errSeen
		}
		return nil
	})
	if err != errSeen {
		t.Errorf("after the app was killed: %v, expected it to become unhealthy", err)
	}
	if code, _ := get(t, url); code != http.StatusServiceUnavailable {
		t.Errorf("after the app was killed: %d, expected 503", code)
	}
}

// Only the host may come in: a neighbour inside and one outside are refused, and
// the gateway routes for nobody.
func TestNeighboursAreNotLetIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	gw := r.startGateway(apiConfig(t))
	api := r.create(spec{name: "api--replicas", image: r.image, network: r.internal})
	r.start(api)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := gateway.WaitHealthy(ctx, logs{r, gw}, "api"); err != nil {
		t.Fatal(err)
	}
	for i, where := range []string{r.internal, "bridge"} {
		addr := r.inspect(gw).NetworkSettings.Networks[where].IPAddress
		s := spec{name: "neighbour" + strconv.Itoa(i), image: r.image, network: where, cmd: []string{"dial", fmt.Sprintf("%s:%d", addr, gateway.FirstPort)}}
		if got := r.run(s); !strings.HasPrefix(got, "0 bytes") && !strings.HasPrefix(got, "no connection") {
			t.Errorf("a neighbour on %s got %q, expected nothing", where, got)
		}
	}
	if code, _ := get(t, r.url(gw, gateway.FirstPort)); code != http.StatusOK {
		t.Errorf("the host got %d, expected 200", code)
	}
	s := spec{name: "forward", image: r.image, network: "container:" + gw, cmd: []string{"read", "/proc/sys/net/ipv4/ip_forward"}}
	if got := r.run(s); got != "0" {
		t.Errorf("ip_forward in the gateway is %q, expected 0", got)
	}
}

// errSeen ends Follow in a test.
var errSeen = errors.New("seen")

// logMemory logs the resident memory of a process, where this test may see it.
func logMemory(t *testing.T, pid int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Logf("memory of the gateway: %v", err)
		return
	}
	for line := range strings.Lines(string(text)) {
		kb, found := strings.CutPrefix(line, "VmRSS:")
		if !found {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")))
		if err != nil || n > 15<<10 {
			t.Errorf("resident memory %d kB, %v, expected at most 15 MiB", n, err)
		}
		t.Logf("resident memory of the gateway: %d kB", n)
	}
}

// BenchmarkIngress compares an app behind the gateway with the same app that
// publishes its port itself.
func BenchmarkIngress(b *testing.B) {
	r := newRig(b)
	gw := r.startGateway(apiConfig(b))
	r.start(r.create(spec{name: "api--replicas", image: r.image, network: r.internal}))
	direct := r.create(spec{name: "direct", image: r.image, network: "bridge", publish: []int{8080}})
	r.start(direct)
	if err := gateway.WaitHealthy(b.Context(), logs{r, gw}, "api"); err != nil {
		b.Fatal(err)
	}
	const size = 64 << 20
	for _, way := range []struct{ name, url string }{{"direct", r.url(direct, 8080)}, {"gateway", r.url(gw, gateway.FirstPort)}} {
		b.Run("request/"+way.name, func(b *testing.B) {
			for b.Loop() {
				get(b, way.url)
			}
		})
		b.Run("download/"+way.name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				response, err := http.Get(way.url + "/bytes?n=" + strconv.Itoa(size))
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
					b.Fatalf("%d bytes, %v", n, err)
				}
				response.Body.Close()
			}
		})
	}
}
