package armsim_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/envctl/envctl/components/azure/armsim"
)

func (c *client) loginOptions() policy.ClientOptions {
	return policy.ClientOptions{Transport: c.http, Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: c.at.Authority + "/"}, Retry: policy.RetryOptions{MaxRetries: -1}}
}

// The codes and texts of learn.microsoft.com/entra/identity-platform/reference-error-codes.
func TestLoginErrors(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Secret: "right"})
	for name, tt := range map[string]struct{ tenant, client, secret, scope, want string }{
		"secret":   {armsim.DefaultTenant, armsim.DefaultClient, "wrong", "https://management.azure.com/.default", "AADSTS7000215"},
		"client":   {armsim.DefaultTenant, guid1, "right", "https://management.azure.com/.default", "AADSTS700016"},
		"resource": {armsim.DefaultTenant, armsim.DefaultClient, "right", "https://other.example/.default", "AADSTS500011"},
		"tenant":   {guid2, armsim.DefaultClient, "right", "https://management.azure.com/.default", "AADSTS90002"},
		"good":     {armsim.DefaultTenant, armsim.DefaultClient, "right", "https://management.azure.com/.default", ""},
	} {
		cred, err := azidentity.NewClientSecretCredential(tt.tenant, tt.client, tt.secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: c.loginOptions(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{tt.scope}})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: want %q, got %v", name, tt.want, err)
		}
	}
}

// A CI system's token: learn.microsoft.com/entra/workload-id/workload-identity-federation.
func TestFederatedLogin(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	for name, tt := range map[string]struct{ audience, exp, want string }{
		"good":     {"api://AzureADTokenExchange", "99999999999", ""},
		"expired":  {"api://AzureADTokenExchange", "1", "AADSTS700024"},
		"audience": {"https://github.com/me", "99999999999", "AADSTS700212"},
	} {
		enc := base64.RawURLEncoding.EncodeToString
		token := enc([]byte(`{"alg":"RS256"}`)) + "." + enc([]byte(`{"iss":"https://token.actions.githubusercontent.com","aud":"`+tt.audience+`","exp":`+tt.exp+`}`)) + ".c2ln"
		cred, err := azidentity.NewClientAssertionCredential(armsim.DefaultTenant, armsim.DefaultClient, func(context.Context) (string, error) { return token, nil },
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: c.loginOptions(), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: want %q, got %v", name, tt.want, err)
		}
	}
}

// Resource Manager checks what a token is for and how long.
func TestTokensAreChecked(t *testing.T) {
	t.Parallel()
	at := newClock(time.Now())
	c := start(t, armsim.Options{Now: at.now, TokenLifetime: time.Hour})
	token := func(scope string) string {
		got, err := c.cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
		if err != nil {
			t.Fatal(err)
		}
		return got.Token
	}
	ask := func(bearer string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.at.ResourceManager+"/subscriptions?api-version=2022-12-01", nil)
		if err != nil {
			t.Fatal(err)
		}
		if bearer != "" {
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Www-Authenticate")
	}
	good := token("https://management.azure.com/.default")
	for name, tt := range map[string]struct{ token, want string }{
		"none": {"", "AuthenticationFailed"}, "foreign": {"a.b.c", "InvalidAuthenticationToken"}, "changed": {good[:len(good)-4] + "AAAA", "InvalidAuthenticationToken"},
		"audience": {token("https://api.loganalytics.io/.default"), "InvalidAuthenticationTokenAudience"},
	} {
		if status, why := ask(tt.token); status != http.StatusUnauthorized || !strings.Contains(why, tt.want) {
			t.Errorf("%s: %d %s", name, status, why)
		}
	}
	if status, _ := ask(good); status != http.StatusOK {
		t.Errorf("a good token: %d", status)
	}
	at.move(2 * time.Hour)
	if status, why := ask(good); status != http.StatusUnauthorized || !strings.Contains(why, "ExpiredAuthenticationToken") {
		t.Errorf("expired: %d %s", status, why)
	}
}

func TestLoginFault(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Faults: []armsim.Fault{{Op: "token", Status: 401, Code: "AADSTS7000222", Message: "The provided client secret keys for app are expired."}}})
	_, err := c.get(group)
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "AADSTS7000222") {
		t.Errorf("got %v", err)
	}
}
