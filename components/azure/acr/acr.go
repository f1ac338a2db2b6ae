// Package acr authenticates go-containerregistry at an Azure Container Registry
// with the credential of an Azure client.
//
// A registry takes no Entra token: it is exchanged, at the registry itself, for
// a refresh token of hours (POST /oauth2/exchange), which go-containerregistry
// exchanges, scope by scope, for access tokens of minutes (POST /oauth2/token).
// No password is made and the registry's admin user stays off.
package acr

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/envctl/envctl/components/azure/arm"
)

// scope is the audience of registries, in every cloud. Tokens for Resource
// Manager work only while the registry's azureADAuthenticationAsArmPolicy is on.
const scope = "https://containerregistry.azure.net/.default"

// Pull and Push are the scopes of [Transport] for a repository, as AcrPull and
// AcrPush allow them.
func Pull(repository string) string { return "repository:" + repository + ":pull" }

// Push is the scope of [Transport] for writing to a repository.
func Push(repository string) string { return "repository:" + repository + ":pull,push" }

// Transport returns a round tripper for requests to a registry, with the scopes
// given; [Pull] and [Push] make them. It asks the registry how it authenticates.
func Transport(ctx context.Context, c *arm.Client, loginServer string, scopes ...string) (http.RoundTripper, error) {
	auth, err := Authenticator(ctx, c, loginServer)
	if err != nil {
		return nil, err
	}
	registry, err := name.NewRegistry(loginServer)
	if err != nil {
		return nil, fmt.Errorf("%q is no registry's login server: %w", loginServer, err)
	}
	return transport.NewWithContext(ctx, registry, auth, c.HTTPClient().Transport, scopes)
}

// Options returns what go-containerregistry's remote package needs to use the
// registry: the authentication, the transport and the context.
func Options(ctx context.Context, c *arm.Client, loginServer string) ([]remote.Option, error) {
	auth, err := Authenticator(ctx, c, loginServer)
	if err != nil {
		return nil, err
	}
	return []remote.Option{
		remote.WithAuth(auth), remote.WithTransport(c.HTTPClient().Transport), remote.WithContext(ctx),
	}, nil
}

// Authenticator returns the credentials for a registry, whose login server must
// be of the client's cloud, or on this computer for a simulator: the token is
// sent to no other. ctx is used where go-containerregistry passes none.
func Authenticator(ctx context.Context, c *arm.Client, loginServer string) (authn.Authenticator, error) {
	if err := check(c, loginServer); err != nil {
		return nil, err
	}
	return &exchange{ctx: ctx, client: c, server: loginServer}, nil
}

// check holds that a login server is one of the cloud's.
func check(c *arm.Client, loginServer string) error {
	host := loginServer
	if c.Simulated() {
		if h, _, err := net.SplitHostPort(loginServer); err == nil {
			host = h
		}
		if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" {
			return nil
		}
	}
	suffix := "." + c.Cloud().RegistrySuffix
	if label, ok := strings.CutSuffix(strings.ToLower(host), suffix); ok && label != "" && !strings.ContainsAny(label, "/:@?#") {
		return nil
	}
	return fmt.Errorf("%q is no Container Registry of the cloud %s, whose login servers end in %s: no token is sent to it",
		loginServer, c.Cloud().Name, suffix)
}

// exchange keeps the refresh token of one registry.
type exchange struct {
	ctx    context.Context //nolint:containedctx // authn.Authenticator has a method without one
	client *arm.Client
	server string

	mu      sync.Mutex
	refresh string
	until   time.Time
}

// early is how long before its end a refresh token is renewed.
const early = 5 * time.Minute

// Authorization returns the refresh token.
func (e *exchange) Authorization() (*authn.AuthConfig, error) { return e.AuthorizationContext(e.ctx) }

// AuthorizationContext returns the refresh token, a new one when there is none
// or it is about to expire.
func (e *exchange) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refresh == "" || time.Now().After(e.until.Add(-early)) {
		token, err := e.ask(ctx)
		if err != nil {
			return nil, err
		}
		e.refresh, e.until = token, expiry(token, time.Now())
	}
	return &authn.AuthConfig{IdentityToken: e.refresh}, nil
}

// maxAnswer bounds the registry's answer, bytes.
const maxAnswer = 1 << 20

// ask exchanges an Entra token for a refresh token.
func (e *exchange) ask(ctx context.Context) (string, error) {
	entra, err := e.client.Token(ctx, scope)
	if err != nil {
		return "", fmt.Errorf("the Container Registry %s: %w", e.server, err)
	}
	form := url.Values{"grant_type": {"access_token"}, "service": {e.server}, "access_token": {entra.Token}}
	if tenant := e.client.Tenant(); tenant != "" {
		form.Set("tenant", tenant)
	}
	resp, err := e.client.Stream(ctx, http.MethodPost, "https://"+e.server+"/oauth2/exchange",
		http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, strings.NewReader(form.Encode()))
	if err != nil {
		return "", e.explain(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("the Container Registry %s: its answer to the exchange of tokens broke off: %w; run the command again", e.server, err)
	}
	var answer struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Refresh == "" {
		return "", fmt.Errorf("the Container Registry %s: its answer to the exchange of tokens has no token; "+
			"check that nothing answers in the registry's place, as a proxy (HTTPS_PROXY, NO_PROXY)", e.server)
	}
	return answer.Refresh, nil
}

// explain says in words why a registry refused.
func (e *exchange) explain(err error) error {
	var refused *arm.Error
	if errors.As(err, &refused) && (refused.StatusCode == http.StatusUnauthorized || refused.StatusCode == http.StatusForbidden) {
		refused.Mend = fmt.Sprintf("the login may not use the registry: give it AcrPush (to copy images) or AcrPull on %s; "+
			"a role given in the last minutes may not have reached the registry: then run the command again; "+
			"if the registry has a firewall, let this computer's address in", e.server)
	}
	return fmt.Errorf("the Container Registry %s: %w", e.server, err)
}

// short is how long a refresh token is used that does not say when it ends.
const short = 10 * time.Minute

// expiry is the end of a refresh token, as its claims say.
func expiry(token string, now time.Time) time.Time {
	var claims struct {
		Exp int64 `json:"exp"`
	}
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
		if err == nil && json.Unmarshal(raw, &claims) == nil && claims.Exp > 0 {
			return time.Unix(claims.Exp, 0)
		}
	}
	return now.Add(short)
}
