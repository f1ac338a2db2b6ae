package duty_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/steward/duty"
)

const (
	groupID  = "/subscriptions/s/resourceGroups/envctl-exp-dev"
	budgetID = groupID + "/providers/Microsoft.Consumption/budgets/exp-dev"
	token    = "token-of-the-identity"
)

// azure stands for the identity endpoint, Resource Manager and a model account.
type azure struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
	// answer gives the response to "METHOD path"; the last one of a list stays.
	answer map[string][]reply
	// tokens are the answers of the identity endpoint before it works.
	tokens []reply
	bodies map[string]string
}

type reply struct {
	status int
	body   any
	header string // of Retry-After
}

func failed(status int, code string) reply {
	return reply{status: status, body: map[string]any{"error": map[string]string{"code": code, "message": "the message"}}}
}

func newAzure(t *testing.T) *azure {
	t.Helper()
	a := &azure{answer: map[string][]reply{}, bodies: map[string]string{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *azure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.URL.Path == "/msi/token" {
		a.token(w, r)
		return
	}
	call := r.Method + " " + r.URL.Path
	a.calls = append(a.calls, call+"?"+r.URL.RawQuery)
	body := &bytes.Buffer{}
	_, _ = body.ReadFrom(r.Body)
	a.bodies[call] = body.String()
	if r.Header.Get("Authorization") != "Bearer "+token {
		write(w, failed(http.StatusUnauthorized, "InvalidAuthenticationToken"))
		return
	}
	list := a.answer[call]
	if len(list) == 0 {
		write(w, failed(http.StatusNotFound, "ResourceNotFound"))
		return
	}
	if len(list) > 1 {
		a.answer[call] = list[1:]
	}
	write(w, list[0])
}

func (a *azure) token(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case r.Header.Get("X-IDENTITY-HEADER") != "the-header" || q.Get("api-version") != "2019-08-01" || q.Get("client_id") != "the-client":
		write(w, failed(http.StatusBadRequest, "wrong request "+r.URL.RawQuery))
	case len(a.tokens) > 0:
		write(w, a.tokens[0])
		a.tokens = a.tokens[1:]
	case q.Get("resource") != "the-audience":
		write(w, failed(http.StatusBadRequest, "wrong audience"))
	default:
		write(w, reply{status: http.StatusOK, body: map[string]string{"access_token": token, "expires_on": "1"}})
	}
}

func write(w http.ResponseWriter, r reply) {
	if r.header != "" {
		w.Header().Set("Retry-After", r.header)
	}
	w.WriteHeader(r.status)
	if text, ok := r.body.(string); ok {
		_, _ = w.Write([]byte(text))
		return
	}
	if r.body != nil {
		_ = json.NewEncoder(w).Encode(r.body)
	}
}

func (a *azure) count(call string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, c := range a.calls {
		if strings.HasPrefix(c, call) {
			n++
		}
	}
	return n
}

// run runs a mode with a clock that only sleeping moves.
func (a *azure) run(t *testing.T, mode string, env map[string]string) (status int, out string, slept time.Duration) {
	t.Helper()
	all := map[string]string{
		"IDENTITY_ENDPOINT": a.URL + "/msi/token", "IDENTITY_HEADER": "the-header", duty.EnvClient: "the-client",
		duty.EnvManager: a.URL + "/", duty.EnvAudience: "the-audience", duty.EnvGroup: groupID,
	}
	for name, value := range env {
		all[name] = value
	}
	var log bytes.Buffer
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	begin := now
	s := duty.Steward{
		Getenv: func(name string) string { return all[name] }, Out: &log, HTTP: a.Client(),
		Now: func() time.Time { return now },
		Sleep: func(ctx context.Context, d time.Duration) error {
			now = now.Add(d)
			return ctx.Err()
		},
	}
	status = s.Main(t.Context(), []string{mode})
	return status, log.String(), now.Sub(begin)
}
