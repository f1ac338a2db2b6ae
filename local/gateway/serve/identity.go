package serve

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/gateway/token"
)

// identityPath is the path of IDENTITY_ENDPOINT.
const identityPath = "/msi/token"

// knower says which workload an address is; ok is false for nobody's.
type knower interface {
	of(ctx context.Context, addr netip.Addr) (app string, ok bool)
}

// identity answers requests for tokens as the endpoint of Container Apps does.
type identity struct {
	clients map[string]identityClient
	peers   knower
	issuer  *token.Issuer
	notes   *notes
	now     func() time.Time
}

// identityClient is a workload with what it has to show.
type identityClient struct {
	protocol.IdentityClient
	header    string
	principal string
}

func newIdentity(cfg protocol.Identity, key string, peers knower, notes *notes) *identity {
	i := &identity{
		clients: make(map[string]identityClient, len(cfg.Clients)), peers: peers, issuer: newIssuer(key, cfg.Tenant),
		notes: notes, now: time.Now,
	}
	for _, c := range cfg.Clients {
		i.clients[c.App] = identityClient{c, protocol.IdentityHeader(key, c.App), protocol.PrincipalID(c.ClientID)}
	}
	return i
}

// newIssuer returns the issuer of the gateway's tokens.
func newIssuer(key, tenant string) *token.Issuer {
	return token.New(protocol.Derive(key, "token"), tenant)
}

// ServeHTTP implements http.Handler. A caller has to come from a workload's address
// and to show the header of that same workload.
func (i *identity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != identityPath:
		refuseToken(w, http.StatusNotFound, "not_found", "Tokens are at "+identityPath+".")
		return
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		refuseToken(w, http.StatusMethodNotAllowed, "method_not_allowed", "Tokens are asked for by GET.")
		return
	}
	client, problem := i.client(r)
	if problem != "" {
		i.note(client.App, "", problem, false)
		refuseToken(w, http.StatusForbidden, "Forbidden", problem)
		return
	}
	q, err := readQuestion(r.URL.RawQuery)
	if err == nil && !client.has(q) {
		err = badQuestion("No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.")
	}
	if err != nil {
		i.note(client.App, q.resource, err.Error(), false)
		refuseToken(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	i.answer(w, client, q)
}

// client returns whose request it is, or why it is nobody's.
func (i *identity) client(r *http.Request) (client identityClient, problem string) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return identityClient{}, "The address of the request is not that of a workload with an identity."
	}
	app, known := i.peers.of(r.Context(), peer.Addr())
	client, has := i.clients[app]
	if !known || !has {
		return identityClient{}, "The address of the request is not that of a workload with an identity."
	}
	shown := r.Header.Get("X-Identity-Header")
	if subtle.ConstantTimeCompare([]byte(shown), []byte(client.header)) != 1 {
		return client, "The header X-IDENTITY-HEADER is not that of the workload that asks."
	}
	return client, ""
}

// has says whether the identity that is asked for is the workload's, which has one.
func (c identityClient) has(q question) bool {
	return (q.clientID == "" || strings.EqualFold(q.clientID, c.ClientID)) &&
		(q.principalID == "" || strings.EqualFold(q.principalID, c.principal)) &&
		(q.resourceID == "" || strings.EqualFold(q.resourceID, token.ResourceID(c.App)))
}

// answer gives a token for a resource that the client was given.
func (i *identity) answer(w http.ResponseWriter, client identityClient, q question) {
	granted := ""
	for _, resource := range client.Resources {
		if audience(resource) == q.resource {
			granted = audience(resource)
		}
	}
	if granted == "" {
		reason := notGiven(client.App, q.resource)
		i.note(client.App, q.resource, reason, false)
		refuseToken(w, http.StatusBadRequest, "invalid_resource", reason)
		return
	}
	who := token.Identity{App: client.App, ClientID: client.ClientID, Principal: client.principal}
	text, expires, err := i.issuer.Issue(who, granted, i.now())
	if err != nil {
		refuseToken(w, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	i.note(client.App, granted, roleFor(granted), true)
	writeJSON(w, http.StatusOK, map[string]string{
		"access_token": text, "expires_on": strconv.FormatInt(expires.Unix(), 10), "resource": granted,
		"token_type": "Bearer", "client_id": client.ClientID,
	})
}

// notGiven says what a workload would need on Azure.
func notGiven(app, resource string) string {
	text := "The workload " + strconv.Quote(app) + " was not given " + strconv.Quote(protocol.Reason(resource))
	if role := roleFor(resource); role != "" {
		return text + ": on Azure its identity would need a role there, as " + role + "."
	}
	return text + ": on Azure its identity would need a role there."
}

func (i *identity) note(app, resource, reason string, allowed bool) {
	i.notes.note(protocol.Event{Event: protocol.EventIdentity, App: app, Resource: resource, Reason: reason, Allowed: allowed})
}

// refuseToken answers in the words of OAuth 2.0, as Azure's endpoints do.
func refuseToken(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]any{"error": code, "error_description": text, "statusCode": status, "message": text})
}

// writeJSON writes an answer that nobody may keep.
func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // cannot happen: bodies are maps of plain values
		raw = []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the asker may be gone
}

// errNoKey says that the gateway cannot vouch for anybody.
var errNoKey = errors.New("the variable " + protocol.EnvKey + " has no key of " + strconv.Itoa(protocol.MinKey) + " bytes or more")
