package acr_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/envctl/envctl/components/azure/acr"
	"github.com/envctl/envctl/components/azure/arm"
)

// cloud is Entra and a Container Registry on one TLS server.
type cloud struct {
	*httptest.Server
	mu        sync.Mutex
	exchanges []map[string][]string
	scopes    []string
	lifetime  time.Duration // of refresh tokens
	refuse    int           // status of the exchange; 0: it works
	answer    string        // of the exchange; "": a token
}

func (c *cloud) host() string { return strings.TrimPrefix(c.URL, "https://") }

func newCloud(t *testing.T) (*cloud, *arm.Client) {
	t.Helper()
	c := &cloud{lifetime: 3 * time.Hour}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	c.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, images) }))
	c.Config.ErrorLog = log.New(io.Discard, "", 0) // the client also tries plain http on loopback
	t.Cleanup(c.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := arm.Connect(t.Context(), arm.Options{Getenv: func(name string) string {
		return map[string]string{
			"ENVCTL_AZURE_RESOURCE_MANAGER": c.URL, "ENVCTL_AZURE_AUTHORITY": c.URL, "ENVCTL_AZURE_CA_FILE": ca, "ENVCTL_AZURE_SIMULATED": "1",
			"ARM_SUBSCRIPTION_ID": "11111111-2222-3333-4444-555555555555", "ARM_TENANT_ID": "tenant-1", "ARM_CLIENT_ID": "client-1", "ARM_CLIENT_SECRET": "s",
		}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c, client
}

func (c *cloud) serve(w http.ResponseWriter, r *http.Request, images http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "openid-configuration"):
		base := c.URL + "/tenant-1"
		fmt.Fprintf(w, `{"token_endpoint":"%s/oauth2/v2.0/token","authorization_endpoint":"%s/a","issuer":"%s"}`, base, base, base)
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"entra for %s"}`, strings.Fields(r.FormValue("scope"))[0])
	case r.URL.Path == "/oauth2/exchange":
		_ = r.ParseForm() // an unreadable form has no fields
		c.exchanges = append(c.exchanges, r.PostForm)
		if c.refuse != 0 {
			w.WriteHeader(c.refuse)
			io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		if c.answer != "" {
			io.WriteString(w, c.answer)
			return
		}
		fmt.Fprintf(w, `{"refresh_token":%q}`, c.refreshToken())
	case r.URL.Path == "/oauth2/token":
		_ = r.ParseForm()
		c.scopes = append(c.scopes, r.PostForm["scope"]...)
		if r.Method != http.MethodPost || r.PostForm.Get("refresh_token") == "" || r.PostForm.Get("service") != c.host() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"access_token":"may %s"}`, r.PostForm.Get("scope"))
	case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer may "):
		w.Header().Set("Www-Authenticate", fmt.Sprintf(`Bearer realm="%s/oauth2/token",service=%q`, c.URL, c.host()))
		w.WriteHeader(http.StatusUnauthorized)
	default:
		images.ServeHTTP(w, r)
	}
}

func (c *cloud) refreshToken() string {
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(c.lifetime).Unix()))
	return "e30." + claims + ".c2ln"
}

func TestPushAndPull(t *testing.T) {
	t.Parallel()
	c, client := newCloud(t)
	image, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(c.host() + "/lab/web:1")
	if err != nil {
		t.Fatal(err)
	}
	options, err := acr.Options(t.Context(), client, c.host())
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, options...); err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(ref, options...)
	if err != nil {
		t.Fatal(err)
	}
	want, err1 := image.Digest()
	got, err2 := pulled.Digest()
	if err1 != nil || err2 != nil || got != want {
		t.Errorf("pulled %v, %v; pushed %v, %v", got, err2, want, err1)
	}

	rt, err := acr.Transport(t.Context(), client, c.host(), acr.Pull("lab/web"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: rt}).Head("https://" + c.host() + "/v2/lab/web/manifests/1")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("got %v, %v", resp, err)
	}
	first := c.exchanges[0]
	if fmt.Sprint(first["access_token"], first["service"], first["tenant"], first["grant_type"]) !=
		fmt.Sprintf("[entra for https://containerregistry.azure.net/.default] [%s] [tenant-1] [access_token]", c.host()) {
		t.Errorf("exchanged %v", first)
	}
	if len(c.exchanges) != 2 { // one for each authenticator
		t.Errorf("exchanged %d times", len(c.exchanges))
	}
	if all := strings.Join(c.scopes, "\n"); !strings.Contains(all, "repository:lab/web:push,pull") || !strings.HasSuffix(all, acr.Pull("lab/web")) {
		t.Errorf("asked for the scopes %q", c.scopes)
	}
}

func TestARefreshTokenThatEndsIsRenewed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lifetime time.Duration
		answer   string
		want     int
	}{
		"hours":                      {3 * time.Hour, "", 1},
		"about to end":               {4 * time.Minute, "", 3},
		"it does not say when":       {0, `{"refresh_token":"opaque"}`, 1},
		"it is signed, but no claim": {0, `{"refresh_token":"a.!.c"}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, client := newCloud(t)
			c.lifetime, c.answer = tt.lifetime, tt.answer
			auth, err := acr.Authenticator(t.Context(), client, c.host())
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if got, err := auth.Authorization(); err != nil || got.IdentityToken == "" {
					t.Fatalf("got %v, %v", got, err)
				}
			}
			if len(c.exchanges) != tt.want {
				t.Errorf("exchanged %d times, want %d", len(c.exchanges), tt.want)
			}
		})
	}
}

func TestARegistryThatRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		answer string
		want   []string
	}{
		"401":   {401, "", []string{"the Container Registry ", "401", "authentication required", "give it AcrPush"}},
		"403":   {403, "", []string{"403", "firewall"}},
		"html":  {0, "<html>", []string{"has no token", "proxy"}},
		"empty": {0, "{}", []string{"has no token"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, client := newCloud(t)
			c.refuse, c.answer = tt.status, tt.answer
			_, err := acr.Transport(t.Context(), client, c.host(), acr.Push("x"))
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

func TestTheTokenGoesToRegistriesOfTheCloudOnly(t *testing.T) {
	t.Parallel()
	_, simulated := newCloud(t)
	real, err := arm.Connect(t.Context(), arm.Options{Getenv: func(name string) string {
		return map[string]string{"ARM_SUBSCRIPTION_ID": "11111111-2222-3333-4444-555555555555", "ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c",
			"ARM_CLIENT_SECRET": "s"}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	for server, want := range map[string][2]bool{ // real, simulated
		"lab.azurecr.io":                 {true, true},
		"LAB.azurecr.io":                 {true, true},
		"lab.westeurope.data.azurecr.io": {true, true},
		"127.0.0.1:5000":                 {false, true},
		"localhost:5000":                 {false, true},
		"10.0.0.1:5000":                  {false, false},
		"azurecr.io":                     {false, false},
		".azurecr.io":                    {false, false},
		"evil.example/x.azurecr.io":      {false, false},
		"evil.example:1@x.azurecr.io":    {false, false},
		"lab.azurecr.io.evil.example":    {false, false},
		"lab.azurecr.us":                 {false, false},
		"":                               {false, false},
	} {
		for i, client := range []*arm.Client{real, simulated} {
			if _, err := acr.Authenticator(t.Context(), client, server); (err == nil) != want[i] {
				t.Errorf("%q, simulated %v: got %v", server, i == 1, err)
			}
		}
	}
}
