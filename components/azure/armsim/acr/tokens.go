package acr

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/entra"
	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/local/registry"
)

// Auth is the token exchange in front of one registry:
// https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md.
type Auth struct {
	Name, Host, Tenant string
	Signer             entra.Signer
	Audiences          []string // an Entra token may be for
	Now                func() time.Time
	Lifetime           time.Duration // of an access token
	// May says whether a principal may pull, or push, now.
	May func(principal string, push bool) bool
	// Admin is the admin user's password, "" while it is off.
	Admin  func() string
	Faults *fault.Set
}

// Handler puts the exchange and the check of tokens in front of the content.
func (a *Auth) Handler(content *registry.Store) http.Handler {
	inner := content.Handler(registry.Options{Authorize: a.authorize})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/exchange", a.exchange)
	mux.HandleFunc("POST /oauth2/token", a.token)
	mux.HandleFunc("GET /oauth2/token", a.basic)
	mux.Handle("/", a.faulty(inner))
	return mux
}

// exchange gives a refresh token for an Entra token.
func (a *Auth) exchange(w http.ResponseWriter, r *http.Request) {
	if bad := a.form(w, r); bad != "" {
		a.deny(w, http.StatusBadRequest, bad)
		return
	}
	if kind := r.PostForm.Get("grant_type"); kind != "access_token" {
		a.deny(w, http.StatusBadRequest, fmt.Sprintf("grant_type %q is not supported here", kind))
		return
	}
	claims, err := a.Signer.Verify(r.PostForm.Get("access_token"), a.Now())
	if err != nil || !slices.Contains(a.Audiences, strings.TrimSuffix(claims.Audience, "/")) {
		a.deny(w, http.StatusUnauthorized, "the Entra token is not valid for this registry")
		return
	}
	if !a.May(claims.Object, false) && !a.May(claims.Object, true) {
		a.deny(w, http.StatusUnauthorized, "the principal "+claims.Object+" has no role on this registry")
		return
	}
	answer(w, http.StatusOK, map[string]any{"refresh_token": a.sign(claims.Object, "refresh", 3*time.Hour)})
}

func (a *Auth) sign(principal, scope string, lifetime time.Duration) string {
	now := a.Now()
	return a.Signer.Sign(entra.Claims{
		Audience: a.Host, Issuer: "Azure Container Registry", Tenant: a.Tenant, Object: principal, Subject: principal, Scope: scope,
		Issued: now.Unix(), NotYet: now.Unix(), Expires: now.Add(lifetime).Unix(),
	})
}

// token gives an access token for a refresh token.
func (a *Auth) token(w http.ResponseWriter, r *http.Request) {
	if bad := a.form(w, r); bad != "" {
		a.deny(w, http.StatusBadRequest, bad)
		return
	}
	var principal string
	switch r.PostForm.Get("grant_type") {
	case "refresh_token":
		principal = a.refreshed(r.PostForm.Get("refresh_token"))
	case "password":
		principal = a.password(r.PostForm.Get("username"), r.PostForm.Get("password"))
	}
	a.grant(w, principal, r.PostForm["scope"])
}

// basic is the token endpoint of Docker's own protocol.
func (a *Auth) basic(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	a.grant(w, a.password(user, password), r.URL.Query()["scope"])
}

// noUser is the name that goes with a refresh token as the password.
const noUser = "00000000-0000-0000-0000-000000000000"

// admin is the principal of the admin user.
const admin = "admin"

func (a *Auth) password(user, password string) string {
	if user == noUser {
		return a.refreshed(password)
	}
	if want := a.Admin(); want != "" && password == want && strings.EqualFold(user, a.Name) {
		return admin
	}
	return ""
}

func (a *Auth) refreshed(token string) string {
	claims, err := a.Signer.Verify(token, a.Now())
	if err != nil || claims.Audience != a.Host || claims.Scope != "refresh" {
		return ""
	}
	return claims.Object
}

// grant gives what the principal may have of the scopes: as the real service, less
// than was asked for is no error here but at the request that needs it.
func (a *Auth) grant(w http.ResponseWriter, principal string, scopes []string) {
	if principal == "" {
		a.deny(w, http.StatusUnauthorized, "the credentials are not valid for this registry")
		return
	}
	pull, push := principal == admin || a.May(principal, false), principal == admin || a.May(principal, true)
	var granted []string
	for _, scope := range strings.Fields(strings.Join(scopes, " ")) {
		i := strings.LastIndexByte(scope, ':')
		if i < 0 {
			continue
		}
		var actions []string
		for _, action := range strings.Split(scope[i+1:], ",") {
			if action == "pull" && pull || action != "pull" && push {
				actions = append(actions, action)
			}
		}
		granted = append(granted, scope[:i+1]+strings.Join(actions, ","))
	}
	token := a.sign(principal, "access "+strings.Join(granted, " "), a.Lifetime)
	answer(w, http.StatusOK, map[string]any{"access_token": token, "token": token, "expires_in": int(a.Lifetime.Seconds())})
}

// authorize is asked by the registry about every request.
func (a *Auth) authorize(r *http.Request, repository string, push bool) error {
	action := map[bool]string{true: "push", false: "pull"}[push]
	challenge := fmt.Sprintf(`Bearer realm="https://%s/oauth2/token",service="%s"`, a.Host, a.Host)
	if repository != "" {
		challenge += fmt.Sprintf(`,scope="repository:%s:%s"`, repository, map[bool]string{true: "pull,push", false: "pull"}[push])
	}
	refuse := func(why string) error {
		return &registry.Error{Status: http.StatusUnauthorized, Code: "UNAUTHORIZED", Challenge: challenge, Message: "authentication required, visit https://aka.ms/acr/authorization for more information: " + why}
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return refuse("no token")
	}
	claims, err := a.Signer.Verify(token, a.Now())
	scopes := strings.Fields(claims.Scope)
	if err != nil || claims.Audience != a.Host || len(scopes) == 0 || scopes[0] != "access" {
		return refuse("the token is not valid")
	}
	if repository == "" {
		return nil
	}
	for _, scope := range scopes[1:] {
		i := strings.LastIndexByte(scope, ':')
		covers := scope[:i] == "repository:"+repository
		actions := strings.Split(scope[i+1:], ",")
		if covers && (slices.Contains(actions, action) || r.Method == http.MethodDelete && slices.Contains(actions, "delete")) {
			return nil
		}
	}
	return refuse("the token has no " + action + " of " + repository)
}

func (a *Auth) form(w http.ResponseWriter, r *http.Request) string {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return "the request is not a form: " + err.Error()
	}
	return ""
}

func (a *Auth) deny(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"errors": []any{map[string]any{"code": "UNAUTHORIZED", "message": message}}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}
