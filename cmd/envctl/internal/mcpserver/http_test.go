package mcpserver_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
)

const token = "0123456789abcdef"

// serveHTTP returns the address of a server.
func serveHTTP(t *testing.T) string {
	t.Helper()
	l, err := mcpserver.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mcpserver.Serve(ctx, l, mcpserver.Handler(newBare(t, nil).server, token)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func TestHTTPNeedsTokenHostAndOrigin(t *testing.T) {
	t.Parallel()
	address := serveHTTP(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	const good = "Bearer " + token
	for name, tt := range map[string]struct {
		host, origin, authorization string
		want                        int
	}{
		"all is well":               {"", "", good, 200},
		"localhost":                 {"localhost:" + port, "", good, 200},
		"a page of this machine":    {"", "http://localhost:3000", good, 200},
		"no token":                  {"", "", "", 401},
		"another token":             {"", "", good + "x", 401},
		"a shorter token":           {"", "", good[:len(good)-1], 401},
		"the token alone":           {"", "", token, 401},
		"another scheme":            {"", "", "Basic " + token, 401},
		"a rebound name":            {"evil.example:" + port, "", good, 403},
		"a rebound name, no token":  {"evil.example", "", "", 403},
		"a name that looks like it": {"localhost.evil.example", "", good, 403},
		"another address":           {"10.0.0.1:" + port, "", good, 403},
		"any address":               {"0.0.0.0:" + port, "", good, 403},
		"a page of the net":         {"", "https://evil.example", good, 403},
		"a page of nowhere":         {"", "null", good, 403},
		"a page that looks like it": {"", "http://localhost.evil.example", good, 403},
		"user information":          {"", "http://localhost@evil.example", good, 403},
		"a file":                    {"", "file://localhost/x", good, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+mcpserver.Path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "application/json, text/event-stream")
			for name, value := range map[string]string{"Origin": tt.origin, "Authorization": tt.authorization} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			r.Host = tt.host
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != tt.want {
				t.Errorf("status %d, expected %d: %s", res.StatusCode, tt.want, text)
			}
			if strings.Contains(string(text), token) || res.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%v %s", res.Header, text)
			}
		})
	}
}

type bearer struct{}

func (bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return http.DefaultTransport.RoundTrip(r)
}

func TestClientOverHTTP(t *testing.T) {
	t.Parallel()
	address := serveHTTP(t)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: "http://" + address + mcpserver.Path, HTTPClient: &http.Client{Transport: bearer{}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if list, err := session.ListTools(t.Context(), nil); err != nil || len(list.Tools) != 12 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestListenIsOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", ":8080", "0.0.0.0:0", "[::]:0", "10.0.0.1:0", "localhost:0", "example.com:80", "127.0.0.1", "127.0.0.1:99999", "[::ffff:10.0.0.1]:0"} {
		if l, err := mcpserver.Listen(t.Context(), address); err == nil {
			t.Errorf("listens on %q: %s", address, l.Addr())
			_ = l.Close()
		}
	}
	l, err := mcpserver.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}
