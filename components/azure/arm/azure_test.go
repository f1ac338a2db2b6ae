package arm_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
)

const (
	subscription = "11111111-2222-3333-4444-555555555555"
	tenant       = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	client       = "99999999-8888-7777-6666-555555555555"
	group        = "/subscriptions/" + subscription + "/resourceGroups/lab"
)

// azure is Resource Manager and Entra on one TLS server. Handlers are by method
// and path; each request to Resource Manager is noted, and its token checked.
type azure struct {
	*httptest.Server
	ca string

	mu       sync.Mutex
	handlers map[string]http.HandlerFunc
	requests []string
	issued   int             // tokens given out
	refused  map[string]bool // tokens that Resource Manager no longer takes
	grants   []url.Values    // forms sent to Entra
	entra    func(form url.Values) (status int, body string)
}

func newAzure(t *testing.T) *azure {
	t.Helper()
	a := &azure{handlers: map[string]http.HandlerFunc{}, refused: map[string]bool{}}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(a.serve))
	a.Config.ErrorLog = nil
	t.Cleanup(a.Close)
	a.ca = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	if err := os.WriteFile(a.ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *azure) on(method, path string, h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handlers[method+" "+path] = h
}

// seen are the requests to Resource Manager, without queries.
func (a *azure) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.requests...)
}

func (a *azure) forms() []url.Values {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]url.Values(nil), a.grants...)
}

func (a *azure) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		base := a.URL + "/" + strings.Split(r.URL.Path, "/")[1]
		fmt.Fprintf(w, `{"token_endpoint":"%s/oauth2/v2.0/token","authorization_endpoint":"%s/oauth2/v2.0/authorize","issuer":"%s/v2.0"}`, base, base, base)
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		a.token(w, r)
	default:
		a.manager(w, r)
	}
}

// token is Entra's token endpoint.
func (a *azure) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // an unreadable form has no fields, and the tests look at those
	a.mu.Lock()
	a.grants = append(a.grants, r.PostForm)
	a.issued++
	n, entra := a.issued, a.entra
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if entra != nil {
		if status, body := entra(r.PostForm); status != 0 {
			w.WriteHeader(status)
			io.WriteString(w, body)
			return
		}
	}
	fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":%q}`, accessToken(n))
}

// accessToken is a token in the form of Entra's, with a number.
func accessToken(n int) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"none"}`) + "." +
		part(fmt.Sprintf(`{"n":%d,"tid":%q,"oid":"object-1","appid":%q}`, n, tenant, client)) + ".c2lnbmF0dXJl"
}

func (a *azure) manager(w http.ResponseWriter, r *http.Request) {
	key := r.Method + " " + r.URL.Path
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	a.requests = append(a.requests, key)
	h, stale := a.handlers[key], a.refused[bearer]
	a.mu.Unlock()
	switch {
	case stale || bearer == "" && !strings.HasPrefix(r.URL.Path, "/open"):
		reply(w, http.StatusUnauthorized, `{"error":{"code":"ExpiredAuthenticationToken","message":"The access token expiry UTC time is earlier than current UTC time."}}`)
	case h == nil:
		reply(w, http.StatusNotFound, fmt.Sprintf(`{"error":{"code":"ResourceNotFound","message":"The Resource %s was not found."}}`, r.URL.Path))
	case r.URL.Query().Get("api-version") == "" && !strings.HasPrefix(r.URL.Path, "/open"):
		reply(w, http.StatusBadRequest, `{"error":{"code":"MissingApiVersionParameter","message":"The api-version query parameter (?api-version=) is required for all requests."}}`)
	default:
		h(w, r)
	}
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// always answers with the same.
func always(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, status, body) }
}

// inTurn answers with each in turn, with the last from then on.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[min(n, len(handlers)-1)]
		n++
		mu.Unlock()
		h(w, r)
	}
}

// fakeClock passes only when somebody waits on it.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func newClock() *fakeClock { return &fakeClock{now: time.Now()} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	return ctx.Err()
}

func (c *fakeClock) waited() (sum time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.waits {
		sum += d
	}
	return sum
}

// environ is the environment that leads to the server, and what is added.
func (a *azure) environ(more map[string]string) func(string) string {
	all := map[string]string{
		"ENVCTL_AZURE_RESOURCE_MANAGER": a.URL, "ENVCTL_AZURE_AUTHORITY": a.URL, "ENVCTL_AZURE_CA_FILE": a.ca,
		"ARM_SUBSCRIPTION_ID": subscription, "ARM_TENANT_ID": tenant, "ARM_CLIENT_ID": client,
	}
	for k, v := range more {
		all[k] = v
	}
	return func(name string) string { return all[name] }
}

// connect connects with a client secret.
func (a *azure) connect(t *testing.T, change ...func(*arm.Options)) (*arm.Client, *fakeClock) {
	t.Helper()
	clock := newClock()
	o := arm.Options{
		Getenv: a.environ(map[string]string{"ARM_CLIENT_SECRET": "the-client-secret"}),
		Now:    clock.Now, Sleep: clock.Sleep,
	}
	for _, f := range change {
		f(&o)
	}
	c, err := arm.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c, clock
}

// contains holds that an error has each of the texts.
func contains(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not have %q:\n%v", text, err)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
