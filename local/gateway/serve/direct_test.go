package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// straightway is a Direct for the workload api with its two addresses on loopback.
type straightway struct {
	t        *testing.T
	identity string
	client   *http.Client
}

func openDirect(t *testing.T, handler http.HandlerFunc) *straightway {
	t.Helper()
	cfg := protocol.Config{Identity: identityConfig(), Models: modelsConfig()}
	d, err := NewDirect(cfg, "api", testKey, handler)
	if err != nil {
		t.Fatal(err)
	}
	var at [2]net.Listener
	for i := range at {
		if at[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx, at[0], at[1]) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	files, err := d.Trust()
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(files[protocol.TrustFile])
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "tcp", at[1].Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &straightway{t, at[0].Addr().String(), &http.Client{Transport: transport, Timeout: 30 * time.Second}}
}

// token asks for one, showing a header.
func (s *straightway) token(shown string) (string, int) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+s.identity+tokenFor+protocol.Resource, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-IDENTITY-HEADER", shown)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		s.t.Fatal(err)
	}
	return got.Token, response.StatusCode
}

func (s *straightway) post(url, token string, content io.Reader, header map[string]string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, content)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, body(s.t, response, nil)
}

// What is granted, and to whom, is what a gateway grants; what the workload says of
// itself does not count.
func TestDirectAnswersAsAGateway(t *testing.T) {
	t.Parallel()
	s := openDirect(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s for %s: %s, %d credentials, %s", r.Header[protocol.HeaderApp], r.Header[protocol.HeaderModels], text,
			len(r.Header["Authorization"])+len(r.Header["Api-Key"])+len(r.Header["X-Forwarded-For"]), r.URL)
	})
	token, status := s.token(protocol.IdentityHeader(testKey, "api"))
	if status != http.StatusOK {
		t.Fatal(status)
	}
	lies := map[string]string{protocol.HeaderApp: "web", protocol.HeaderModels: "secret", "X-Forwarded-For": "192.0.2.1"}
	status, text := s.post(chatURL, token, strings.NewReader("hello"), lies)
	want := "[api] for [chat,embed]: hello, 0 credentials, /openai/deployments/chat/chat/completions?api-version=2024-10-21"
	if status != http.StatusOK || text != want {
		t.Errorf("%d %q, expected %q", status, text, want)
	}
	for name, tt := range map[string]struct {
		url, token string
		header     map[string]string
		status     int
	}{
		"no token":             {chatURL, "", nil, 401},
		"a key":                {chatURL, "", map[string]string{"Api-Key": "k"}, 403},
		"another's token":      {chatURL, tokenOf(t, "web", protocol.Resource, time.Now()), nil, 403},
		"a token for another":  {chatURL, tokenOf(t, "api", "https://vault.azure.net", time.Now()), nil, 401},
		"an old token":         {chatURL, tokenOf(t, "api", protocol.Resource, time.Now().Add(-2*time.Hour)), nil, 401},
		"another model":        {strings.Replace(chatURL, "/chat/", "/secret/", 1), token, nil, 404},
		"the gateway's own":    {"https://" + modelsHost + protocol.PathAttached, token, nil, 404},
		"a path in disguise":   {"https://" + modelsHost + "/openai/v1/../v1/models", token, nil, 404},
		"the identity's paths": {"https://" + modelsHost + identityPath, token, nil, 404},
	} {
		if status, text := s.post(tt.url, tt.token, strings.NewReader("x"), tt.header); status != tt.status {
			t.Errorf("%s: %d %s, expected %d", name, status, text, tt.status)
		}
	}
	if _, status := s.token(protocol.IdentityHeader(testKey, "web")); status != http.StatusForbidden {
		t.Errorf("a token for another's header: %d", status)
	}
}

// A key that is short is none.
func TestDirectNeedsAKey(t *testing.T) {
	t.Parallel()
	if _, err := NewDirect(protocol.Config{Models: modelsConfig()}, "api", testKey[1:], http.NotFoundHandler()); err == nil {
		t.Error("a key of 31 bytes is taken")
	}
}

// An answer that comes in pieces is passed on as it comes, and a client that hangs up
// ends the request's context.
func TestDirectStreams(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	s := openDirect(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		fmt.Fprint(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(ended)
	})
	token, _ := s.token(protocol.IdentityHeader(testKey, "api"))
	r, err := http.NewRequest(http.MethodPost, chatURL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the handler is not told that the client hung up")
	}
}
