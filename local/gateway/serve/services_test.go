package serve

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// servicesConfig is a gateway with tokens and models for the workload at 127.0.0.1.
func servicesConfig(t *testing.T) (protocol.Config, Options) {
	t.Helper()
	cfg := protocol.Config{
		Identity: protocol.Identity{Listen: freePort(t), Tenant: testTenant, Clients: []protocol.IdentityClient{
			{App: "api", Host: "127.0.0.1", ClientID: "c", Resources: []string{protocol.Resource}},
		}},
		Models: protocol.Models{Listen: freePort(t), Host: modelsHost, Trust: t.TempDir(), Clients: []protocol.ModelsClient{
			{App: "api", Host: "127.0.0.1", Models: []string{"chat"}},
		}},
	}
	return cfg, Options{
		Out: &lines{}, Key: testKey, Tunnel: fmt.Sprintf("@envctl-services-test-%d-%d", time.Now().UnixNano(), sockets.Add(1)),
		inside: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	}
}

func TestGatewayServesTokensAndModels(t *testing.T) {
	t.Parallel()
	cfg, opts := servicesConfig(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, cfg, opts) }()
	events := opts.Out.(*lines)
	eventually(t, "start", func() bool { return strings.Contains(events.String(), "identity of 1, models of 1") })
	if _, err := os.Stat(filepath.Join(cfg.Models.Trust, protocol.TrustFile)); err != nil {
		t.Error(err)
	}
	r, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://127.0.0.1:%d%s%s", cfg.Identity.Listen, tokenFor, protocol.Resource), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-IDENTITY-HEADER", protocol.IdentityHeader(testKey, "api"))
	response, err := http.DefaultClient.Do(r)
	if text := body(t, response, err); response.StatusCode != http.StatusOK || !strings.Contains(text, "access_token") {
		t.Errorf("%d %s, expected a token", response.StatusCode, text)
	}
	if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", cfg.Models.Listen)); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run ended with %v", err)
	}
}

func TestServicesThatCannotBeOpenedLeaveNothingOpen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*testing.T, *protocol.Config, *Options)
		want   string
	}{
		"no key":          {func(_ *testing.T, _ *protocol.Config, o *Options) { o.Key = "short" }, protocol.EnvKey},
		"no trust folder": {func(_ *testing.T, c *protocol.Config, _ *Options) { c.Models.Trust = "/nonexistent" }, "certificate authority"},
		"port is taken": {func(t *testing.T, c *protocol.Config, _ *Options) {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Models.Listen))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "models: listen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, opts := servicesConfig(t)
			test.change(t, &cfg, &opts)
			opts.Out = io.Discard
			if err := Run(t.Context(), cfg, opts); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, expected one with %q", err, test.want)
			}
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", cfg.Identity.Listen))
			if err != nil {
				t.Fatalf("a listener was left open: %v", err)
			}
			l.Close()
			socket, err := net.Listen("unix", opts.Tunnel)
			if err != nil {
				t.Fatalf("the tunnel's socket was left open: %v", err)
			}
			socket.Close()
		})
	}
}
