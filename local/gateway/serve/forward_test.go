package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/authority"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// forwarding is a gateway that passes everything on, with a host side that says
// what it got.
func forwarding(t *testing.T) (protocol.Config, *front) {
	t.Helper()
	cfg := protocol.Config{
		Identity: protocol.Identity{Listen: freePort(t), Forward: true},
		Models:   protocol.Models{Listen: freePort(t), Host: "*.models.test", Trust: t.TempDir(), Forward: true},
	}
	f := &front{t: t, socket: fmt.Sprintf("@envctl-forward-test-%d-%d", time.Now().UnixNano(), sockets.Add(1)), events: &lines{}}
	f.addr = fmt.Sprintf("127.0.0.1:%d", cfg.Models.Listen)
	opts := Options{Out: f.events, Key: testKey, Tunnel: f.socket, inside: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	var err error
	if f.ca, err = authority.New(cfg.Models.Host, func(purpose string) []byte { return protocol.Derive(testKey, purpose) }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, cfg, opts) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("it ended with %v", err)
		}
	})
	eventually(t, "start", func() bool { return strings.Contains(f.events.String(), "identity of the host, models of the host") })
	return cfg, f
}

// A host that decides itself gets what a workload shows, under the name that it
// asked for; what is no token's or model's path never gets there.
func TestForwardPassesCredentialsOn(t *testing.T) {
	t.Parallel()
	cfg, f := forwarding(t)
	if _, err := os.Stat(filepath.Join(cfg.Models.Trust, protocol.TrustFile)); err != nil {
		t.Error(err)
	}
	f.attach(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s%s %q %q %q", r.Method, r.Host, r.URL, r.Header.Get("Authorization"), r.Header.Get("X-Identity-Header"), r.Header.Get(protocol.HeaderApp))
	})
	tokens := fmt.Sprintf("http://127.0.0.1:%d", cfg.Identity.Listen)
	own := fmt.Sprintf("127.0.0.1:%d", cfg.Identity.Listen)
	for _, c := range []struct{ from, url, want string }{
		{"", tokens + "/msi/token?resource=x", `200 GET ` + own + `/msi/token?resource=x "Bearer t" "h" ""`},
		{"", tokens + "/.envctl/replaced", "404"},
		{"", tokens + "/openai/v1/models", "404"},
		{"127.0.0.1", "https://one.models.test/openai/deployments/a/chat/completions?api-version=1",
			`200 GET one.models.test/openai/deployments/a/chat/completions?api-version=1 "Bearer t" "h" ""`},
		{"127.0.0.1", "https://two.models.test/openai/v1/models", `200 GET two.models.test/openai/v1/models "Bearer t" "h" ""`},
		{"127.0.0.1", "https://one.models.test/msi/token", "404"},
		{"127.0.0.1", "https://one.models.test/.envctl/attached", "404"},
		{"127.0.0.9", "https://one.models.test/openai/v1/models", "403"},
		{"127.0.0.1", "https://other.test/openai/v1/models", "certificate is valid for *.models.test"},
	} {
		client := http.DefaultClient
		if c.from != "" {
			client = f.client(c.from)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer t")
		r.Header.Set("X-IDENTITY-HEADER", "h")
		r.Header.Set(protocol.HeaderApp, "somebody")
		if got := said(client.Do(r)); !strings.Contains(got, c.want) {
			t.Errorf("%s from %q: %s, expected %s", c.url, c.from, got, c.want)
		}
	}
}

// said is the status and the body of an answer, or the error.
func said(response *http.Response, err error) string {
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", response.StatusCode, text)
}
