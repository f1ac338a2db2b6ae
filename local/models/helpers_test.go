package models_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// served is a server with its ledger, as the gateway sees it.
type served struct {
	*httptest.Server
	ledger  string
	models  *models.Server
	mu      sync.Mutex
	notices []string
}

// ten is a budget of 10 that stops, where a million tokens cost 1.
var ten = ledger.Budget{Amount: ledger.Units(10), Currency: "USD", Alerts: []int{50, 100}, Stop: true}

// serve serves models chat, of 1,000 tokens an answer, and vectors.
func serve(t *testing.T, c models.Config) *served {
	t.Helper()
	s := &served{ledger: filepath.Join(t.TempDir(), "ledger")}
	limits := price.Limits{Context: 100_000, Output: 1000}
	c.Models = map[string]models.Model{
		"chat":    {Model: "gpt-4o", Price: ledger.Price{Input: 1, Output: 1}, Limits: limits},
		"vectors": {Model: "text-embedding-3-small", Price: ledger.Price{Input: 1}, Limits: limits},
		"secret":  {Model: "gpt-4o", Price: ledger.Price{Input: 1, Output: 1}, Limits: limits},
	}
	if c.Budget.Amount == 0 {
		c.Budget = ten
	}
	c.Ledger = ledger.Open(s.ledger, ledger.Options{Now: func() time.Time { return noon }, Self: "self"})
	c.Notice = func(text string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.notices = append(s.notices, text)
	}
	server, err := models.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.models, s.Server = server, httptest.NewServer(server)
	t.Cleanup(func() {
		s.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// request is one as the gateway passes it on.
func (s *served) request(ctx context.Context, t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(protocol.HeaderApp, "api")
	r.Header.Set(protocol.HeaderModels, "chat,vectors")
	return r
}

func (s *served) ask(t *testing.T, path, body string) (*http.Response, string) {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	got, err := http.DefaultClient.Do(s.request(t.Context(), t, method, path, body))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(raw)
}

// paid waits until nothing is reserved and returns what was paid.
func (s *served) paid(t *testing.T) ledger.Totals {
	t.Helper()
	var got ledger.Totals
	eventually(t, "the end of all calls", func() bool {
		var err error
		if got, err = ledger.Read(s.ledger, noon); err != nil {
			t.Fatal(err)
		}
		return got.Reserved == 0 && got.Models != nil
	})
	return got
}

func (s *served) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.notices, "\n")
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

// upstream is a model server that a test wrote.
func upstream(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body) // or the server does not notice that its client has gone
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		handler(w, r)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL + "/v1"
}

const hello = `{"model":"chat","messages":[{"role":"user","content":"hello"}]}`

const helloStream = `{"model":"chat","stream":true,"messages":[{"role":"user","content":"hello"}]}`
