package entra

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Server answers logins of one application in one tenant.
type Server struct {
	Signer   Signer
	Tenant   string
	Client   string // the application's id
	Object   string // its principal's id
	Secret   string
	Lifetime time.Duration
	Now      func() time.Time
	Known    []string // audiences that a token may be asked for, without a slash at the end
}

// denial is an error as Entra answers it.
type denial struct {
	status  int
	error   string
	code    int // AADSTS…
	message string
}

// ServeHTTP answers /{tenant}/v2.0/.well-known/openid-configuration,
// /{tenant}/oauth2/v2.0/token and the discovery of instances.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	base := "https://" + r.Host + "/" + tenant
	switch {
	case rest == "discovery/instance":
		write(w, http.StatusOK, map[string]any{"tenant_discovery_endpoint": base + "/v2.0/.well-known/openid-configuration"})
	case !strings.EqualFold(tenant, s.Tenant):
		s.deny(w, denial{http.StatusBadRequest, "invalid_tenant", 90002, fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", tenant)})
	case rest == "v2.0/.well-known/openid-configuration":
		write(w, http.StatusOK, map[string]any{
			"issuer": base + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token",
			"authorization_endpoint": base + "/oauth2/v2.0/authorize", "jwks_uri": base + "/discovery/v2.0/keys",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"pairwise"},
		})
	case rest == "oauth2/v2.0/token" && r.Method == http.MethodPost:
		s.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		s.deny(w, denial{http.StatusBadRequest, "invalid_request", 900144, "The request body is not a form: " + err.Error()})
		return
	}
	if bad := s.check(r); bad != nil {
		s.deny(w, *bad)
		return
	}
	resource := resourceOf(r.PostForm.Get("scope"))
	if !slices.Contains(s.Known, resource) {
		s.deny(w, denial{http.StatusBadRequest, "invalid_resource", 500011, fmt.Sprintf("The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.", resource, s.Tenant)})
		return
	}
	write(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": int(s.Lifetime.Seconds()), "ext_expires_in": int(s.Lifetime.Seconds()),
		"access_token": s.Issue(resource, s.Client, s.Object, ""),
	})
}

// resourceOf is the resource among the scopes; MSAL adds those of OpenID.
func resourceOf(scopes string) string {
	for _, scope := range strings.Fields(scopes) {
		if resource, ok := strings.CutSuffix(scope, "/.default"); ok {
			return strings.TrimRight(resource, "/")
		}
	}
	return strings.TrimRight(scopes, "/")
}

// Issue makes a token for resource; identity is the id of a managed identity.
func (s *Server) Issue(resource, client, object, identity string) string {
	now := s.Now()
	return s.Signer.Sign(Claims{
		Audience: resource, Issuer: "https://sts.windows.net/" + s.Tenant + "/", Tenant: s.Tenant,
		App: client, Object: object, Subject: object, Identity: identity,
		Issued: now.Unix(), NotYet: now.Unix(), Expires: now.Add(s.Lifetime).Unix(),
	})
}

// check finds what is wrong with the credentials. The codes and texts are those of
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
func (s *Server) check(r *http.Request) *denial {
	form := r.PostForm
	switch client := form.Get("client_id"); {
	case form.Get("grant_type") != "client_credentials":
		return &denial{http.StatusBadRequest, "unsupported_grant_type", 70003, fmt.Sprintf("The app requested an unsupported grant type '%s'.", form.Get("grant_type"))}
	case !strings.EqualFold(client, s.Client):
		return &denial{http.StatusBadRequest, "unauthorized_client", 700016, fmt.Sprintf("Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", client, s.Tenant)}
	case form.Get("client_assertion") != "":
		return s.assertion(form.Get("client_assertion"))
	case form.Get("client_secret") == "":
		return &denial{http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	case subtle.ConstantTimeCompare([]byte(form.Get("client_secret")), []byte(s.Secret)) != 1:
		return &denial{http.StatusUnauthorized, "invalid_client", 7000215, fmt.Sprintf("Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", s.Client)}
	}
	return nil
}

// assertion checks a certificate's assertion (issued by the application itself) or
// a federated one of a CI system. Signatures are not checked: the simulator knows
// no certificate and no CI system's keys.
func (s *Server) assertion(token string) *denial {
	c, err := Read(token)
	if err != nil {
		return &denial{http.StatusBadRequest, "invalid_request", 50027, "JWT token is invalid or malformed."}
	}
	if now := s.Now(); now.Unix() >= c.Expires {
		return &denial{http.StatusUnauthorized, "invalid_client", 700024, fmt.Sprintf("Client assertion is not within its valid time range. Current time: %s, expiry time of assertion %s.", stamp(now), stamp(time.Unix(c.Expires, 0)))}
	}
	if !strings.EqualFold(c.Issuer, s.Client) && c.Audience != "api://AzureADTokenExchange" {
		return &denial{http.StatusUnauthorized, "invalid_client", 700212, fmt.Sprintf("No matching federated identity record found for presented assertion audience '%s'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.", c.Audience)}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

func (s *Server) deny(w http.ResponseWriter, d denial) {
	Deny(w, s.Now(), d.status, d.error, d.code, d.message)
}

// Deny answers an error as Entra does: error is OAuth's word, code the number of
// AADSTS.
func Deny(w http.ResponseWriter, now time.Time, status int, word string, code int, message string) {
	const id = "00000000-0000-0000-0000-000000000000"
	at := now.UTC().Format("2006-01-02 15:04:05Z")
	write(w, status, map[string]any{
		"error": word, "error_codes": []int{code}, "timestamp": at, "trace_id": id, "correlation_id": id,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", code, message, id, id, at),
		"error_uri":         fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", code),
	})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}
