package arm_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
)

func TestFederatedTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want string // assertion
		err  []string
	}{
		"given":                     {map[string]string{"ARM_OIDC_TOKEN": "given", "ARM_OIDC_TOKEN_FILE_PATH": file}, "given", nil},
		"file":                      {map[string]string{"ARM_OIDC_TOKEN_FILE_PATH": file}, "from-a-file", nil},
		"empty":                     {map[string]string{"ARM_OIDC_TOKEN_FILE_PATH": empty}, "", []string{"ARM_OIDC_TOKEN_FILE_PATH", "is empty"}},
		"no file":                   {map[string]string{"ARM_OIDC_TOKEN_FILE_PATH": "/no/such"}, "", []string{"ARM_OIDC_TOKEN_FILE_PATH", "/no/such"}},
		"nothing":                   {nil, "", []string{"there is no federated token", "id-token: write"}},
		"GitHub":                    {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "AT/open/github?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "gh-bearer"}, "of-github", nil},
		"GitHub by its other names": {map[string]string{"ARM_OIDC_REQUEST_URL": "AT/open/github?x=1", "ARM_OIDC_REQUEST_TOKEN": "gh-bearer"}, "of-github", nil},
		"GitHub, no bearer":         {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "AT/open/github"}, "", []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set", "id-token: write"}},
		"GitHub, wrong bearer":      {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "AT/open/github", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong-bearer"}, "", []string{"GitHub gave no federated token", "401", "nope"}},
		"GitHub, no token":          {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "AT/open/none", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "gh-bearer"}, "", []string{"its answer has no token"}},
		"DevOps": {map[string]string{"SYSTEM_OIDCREQUESTURI": "AT/open/devops", "SYSTEM_ACCESSTOKEN": "ado-bearer",
			"ARM_OIDC_AZURE_SERVICE_CONNECTION_ID": "connection-1"}, "of-devops", nil},
		"DevOps, no bearer":     {map[string]string{"SYSTEM_OIDCREQUESTURI": "AT/open/devops"}, "", []string{"SYSTEM_ACCESSTOKEN is not set", "$(System.AccessToken)"}},
		"DevOps, no connection": {map[string]string{"SYSTEM_OIDCREQUESTURI": "AT/open/devops", "SYSTEM_ACCESSTOKEN": "ado-bearer"}, "", []string{"ARM_OIDC_AZURE_SERVICE_CONNECTION_ID is not set"}},
		"DevOps, wrong connection": {map[string]string{"SYSTEM_OIDCREQUESTURI": "AT/open/devops", "SYSTEM_ACCESSTOKEN": "ado-bearer",
			"ARM_OIDC_AZURE_SERVICE_CONNECTION_ID": "other"}, "", []string{"Azure DevOps gave no federated token", "service connection"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.on("GET", "/open/github", func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer gh-bearer" || r.URL.Query().Get("audience") != "api://AzureADTokenExchange" || r.URL.Query().Get("x") != "1" {
					reply(w, 401, "nope")
					return
				}
				reply(w, 200, `{"value":"of-github"}`)
			})
			a.on("GET", "/open/none", always(200, `{}`))
			a.on("POST", "/open/devops", func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				if r.Header.Get("Authorization") != "Bearer ado-bearer" || q.Get("api-version") != "7.1" || q.Get("serviceConnectionId") != "connection-1" {
					reply(w, 404, "no such connection")
					return
				}
				reply(w, 200, `{"oidcToken":"of-devops"}`)
			})
			env := map[string]string{"ARM_USE_OIDC": "true"}
			for k, v := range tt.env {
				env[k] = strings.ReplaceAll(v, "AT", a.URL)
				if !strings.HasPrefix(v, "AT/") {
					env[k] = v
				}
			}
			err := a.use(t, env)
			if tt.err != nil {
				contains(t, err, tt.err...)
				var e *arm.CredentialError
				if !errors.As(err, &e) || e.Kind != "oidc" {
					t.Errorf("got %#v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := a.forms()[0].Get("client_assertion"); got != tt.want {
				t.Errorf("the assertion is %q, want %q", got, tt.want)
			}
		})
	}
}

// metadata is a transport that leads the metadata service's address to a handler.
type metadata struct {
	next   http.RoundTripper
	handle func(*http.Request) *http.Response
}

func (m metadata) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "169.254.169.254" {
		return m.handle(r), nil
	}
	return m.next.RoundTrip(r)
}

func TestManagedIdentity(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	asked := url.Values{}
	answer := func(status int, body string) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response {
			asked = r.URL.Query()
			if r.Header.Get("Metadata") != "true" {
				status = 500
			}
			return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {"application/json"}},
				Body: io.NopCloser(strings.NewReader(body)), Request: r}
		}
	}
	through := func(h func(*http.Request) *http.Response) func(*arm.Options) {
		return func(o *arm.Options) { o.Transport = metadata{a.Client().Transport, h} }
	}
	expires := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	body := asJSON(t, map[string]string{"access_token": accessToken(1), "expires_on": expires, "expires_in": "3600", "token_type": "Bearer", "resource": "x"})
	if err := a.use(t, map[string]string{"ARM_USE_MSI": "true", "ARM_TENANT_ID": ""}, through(answer(200, body))); err != nil {
		t.Fatal(err)
	}
	if asked.Get("client_id") != client || asked.Get("resource") != "https://management.core.windows.net/" {
		t.Errorf("asked for %v", asked)
	}
	// Another identity, as tokens of managed identities are kept for the whole process.
	err := a.use(t, map[string]string{"ARM_USE_MSI": "true", "ARM_CLIENT_ID": tenant}, through(answer(400, `{"error":"invalid_request","error_description":"Identity not found"}`)))
	contains(t, err, "there is no token of a managed identity", "outside of Azure unset ARM_USE_MSI")
}
