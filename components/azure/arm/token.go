package arm

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// credential keeps tokens until they are about to expire, can be made to forget
// what Azure no longer takes, and says in words why there is no token.
type credential struct {
	kind  string
	make  func() (azcore.TokenCredential, error)
	clock clock

	mu     sync.Mutex
	under  azcore.TokenCredential // nil: to be made
	tokens map[string]azcore.AccessToken
}

// early is how long before its end a token is renewed; azcore's own value.
const early = 5 * time.Minute

// GetToken returns a token. A request with claims, which Azure makes when it has
// revoked a token, is always passed on.
func (c *credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := options.TenantID + " " + strings.Join(options.Scopes, " ")
	if token, ok := c.tokens[key]; ok && options.Claims == "" && c.clock.now().Before(token.ExpiresOn.Add(-early)) {
		return token, nil
	}
	if c.under == nil {
		under, err := c.make()
		if err != nil {
			return azcore.AccessToken{}, c.explain(err)
		}
		c.under = under
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTime)
	defer cancel()
	beneath := new(error)
	token, err := c.under.GetToken(context.WithValue(ctx, beneathKey{}, beneath), options)
	if err != nil {
		if *beneath != nil {
			err = *beneath
		}
		return azcore.AccessToken{}, c.explain(err)
	}
	if c.tokens == nil {
		c.tokens = map[string]azcore.AccessToken{}
	}
	c.tokens[key] = token
	return token, nil
}

// beneathKey is where a request for a token leaves the error that it met, a
// *error: azidentity keeps only its text.
type beneathKey struct{}

// note leaves an error where the context of a request for a token says.
func note(ctx context.Context, err error) {
	if beneath, ok := ctx.Value(beneathKey{}).(*error); ok && err != nil {
		*beneath = err
	}
}

// noting is the policy that notes the errors of Entra's connection.
type noting struct{ clock clock }

func (n noting) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err != nil {
		u := req.Raw().URL
		note(req.Raw().Context(), n.clock.connectionError("the request for a token, "+u.Scheme+"://"+u.Host+u.Path, err))
	}
	return resp, err
}

// tokenTime bounds the getting of one token, retries and a cold az command in it.
const tokenTime = 5 * time.Minute

// forget drops the tokens and the credential with its own cache, so that the
// next token is a new one; unless used, which Azure refused, has been replaced
// already by another request. Tokens of managed identities and of the az command
// are kept beneath, where they are renewed at their end only.
func (c *credential) forget(used string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, token := range c.tokens {
		if token.Token == used {
			c.under, c.tokens = nil, nil
			return
		}
	}
}

// Token returns a token for a scope, as https://api.loganalytics.io/.default. It
// is kept and renewed five minutes before its end.
func (c *Client) Token(ctx context.Context, scope string) (azcore.AccessToken, error) {
	return c.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
}

// Identity is who a token was made for, from its claims.
type Identity struct {
	// Tenant, Object and Client are Entra's IDs of the tenant, of the user or
	// service principal (oid), and of the application (appid, azp).
	Tenant, Object, Client string
	// Name is the user's name (upn, unique_name), "" for a service principal.
	Name string
}

// Identity returns who the client is, as the claims of its token say. The token
// is not verified: Azure does that.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	token, err := c.Token(ctx, c.cloud.ManagementScope())
	if err != nil {
		return Identity{}, err
	}
	return claims(token.Token)
}

// claims reads the claims of a signed token.
func claims(token string) (Identity, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Identity{}, fmt.Errorf("Entra's token has %d parts, not the 3 of a JSON Web Token: who is logged in is not known", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return Identity{}, fmt.Errorf("the claims of Entra's token cannot be decoded: %w", err)
	}
	var c struct {
		TID, OID, AppID, AZP, UPN string
		UniqueName                string `json:"unique_name"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return Identity{}, fmt.Errorf("the claims of Entra's token are no JSON: %w", err)
	}
	id := Identity{Tenant: c.TID, Object: c.OID, Client: c.AppID, Name: c.UPN}
	if id.Client == "" {
		id.Client = c.AZP
	}
	if id.Name == "" {
		id.Name = c.UniqueName
	}
	return id, nil
}
