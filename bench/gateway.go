package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	// gatewayRequests is how many small requests are timed in a round, each way.
	gatewayRequests = 400
	// gatewayBytes go up, and down, in one transfer.
	gatewayBytes = 128 << 20
)

// timeGateway times requests and transfers through the ingress of the built
// gateway against the same ones without it, in turn, and looks at its memory
// before. No container is needed: both ends are on loopback.
func (r *report) timeGateway(ctx context.Context, o options) error {
	if !r.have(o, "gateway") {
		return nil
	}
	app, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(answer)}
	go func() { _ = server.Serve(app) }()
	defer server.Close()
	direct := app.Addr().(*net.TCPAddr).Port
	through, err := freePort()
	if err != nil {
		return err
	}
	pid, stop, err := startGateway(ctx, filepath.Join(o.bin, "gateway"), through, direct)
	if err != nil {
		return err
	}
	defer stop()
	time.Sleep(time.Second) // at rest
	rss, err := resident(pid)
	if err != nil {
		return err
	}
	r.Singles = append(r.Singles, &single{Name: "gateway at rest", Summary: summary{Runs: 1, RSS: rss}})
	return r.race(ctx, o.rounds, map[string]int{"direct": direct, "gateway": through})
}

// race times the requests and transfers, one of each way after the other.
func (r *report) race(ctx context.Context, rounds int, ports map[string]int) error {
	client := &http.Client{Timeout: time.Minute}
	defer client.CloseIdleConnections()
	series := map[string]*single{}
	take := func(name string, work func() error) error {
		began := time.Now()
		if err := work(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if series[name] == nil {
			series[name] = &single{Name: name}
		}
		series[name].Samples = append(series[name].Samples, sample{Seconds: time.Since(began).Seconds()})
		return nil
	}
	order := []string{"direct", "gateway"}
	for range rounds {
		for range gatewayRequests {
			for _, way := range order {
				if err := take(way+" request", func() error { return exchange(ctx, client, ports[way], 0) }); err != nil {
					return err
				}
			}
		}
		for _, way := range order {
			if err := take(way+" transfer", func() error { return exchange(ctx, client, ports[way], gatewayBytes) }); err != nil {
				return err
			}
		}
		slices.Reverse(order)
	}
	for _, name := range []string{"direct request", "gateway request", "direct transfer", "gateway transfer"} {
		series[name].Summary = summarize(series[name].Samples)
		r.Singles = append(r.Singles, series[name])
	}
	return nil
}

// answer reads the body and answers with as many bytes.
func answer(w http.ResponseWriter, r *http.Request) {
	n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r.Body, make([]byte, 64<<10))
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	_, _ = io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(zeros{}, n), make([]byte, 64<<10))
}

// exchange sends size bytes to a port and reads the answer, which is as long.
func exchange(ctx context.Context, client *http.Client, port int, size int64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/", port), io.LimitReader(zeros{}, size))
	if err != nil {
		return err
	}
	request.ContentLength = size
	if size == 0 {
		request.Body = http.NoBody
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, response.Body, make([]byte, 64<<10))
	if n != size || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s with %d bytes, expected %d", response.Status, n, size)
	}
	return err
}

// zeros is an endless body.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// startGateway starts the program with one route and waits until it listens.
func startGateway(ctx context.Context, bin string, listen, port int) (pid int, stop func(), err error) {
	config, err := protocol.Config{Ingress: protocol.Ingress{Routes: []protocol.Route{{App: "app", Listen: listen, Host: "127.0.0.1", Port: port}}}}.Encode()
	if err != nil {
		return 0, nil, err
	}
	cmd := exec.CommandContext(ctx, bin)
	cmd.Env = append(os.Environ(), protocol.EnvConfig+"="+config)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	first, err := protocol.NewReader(out).Next()
	if err != nil || first.Event != protocol.EventStart {
		stop()
		return 0, nil, errors.Join(fmt.Errorf("the gateway began with the event %q, expected %q", first.Event, protocol.EventStart), err)
	}
	return cmd.Process.Pid, stop, nil
}

// freePort returns a port that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// resident is the resident memory of a process in bytes.
func resident(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmRSS", pid)
}

// gateway are the rows of the gateway.
func (r *report) gateway(t *table) {
	if mine, other := r.single("gateway request"), r.single("direct request"); mine != nil && other != nil {
		added := (mine.Median - other.Median) * 1e3
		t.row("gateway latency: added to a request on loopback", fmt.Sprintf("%.2f ms", added), fmt.Sprintf("%.2f ms (direct)", other.Median*1e3),
			t.judge("gateway latency", bar{value: 1}, added), "≤ 1 ms")
	}
	if mine, other := r.single("gateway transfer"), r.single("direct transfer"); mine != nil && other != nil {
		speed := func(s *summary) float64 { return 2 * gatewayBytes / s.Median / 1e6 }
		share := speed(mine) / speed(other)
		t.row("gateway throughput: of a direct connection's, up and down", fmt.Sprintf("%.0f MB/s", speed(mine)), fmt.Sprintf("%.0f MB/s (direct)", speed(other)),
			fmt.Sprintf("%.2f %s", share, t.judge("gateway throughput", bar{0.6, true}, share)), "≥ 0.6")
	}
	if rest := r.single("gateway at rest"); rest != nil {
		t.absolute("gateway resident: memory at rest", float64(rest.RSS)/1e6, "MB", 15, "–")
	}
}
