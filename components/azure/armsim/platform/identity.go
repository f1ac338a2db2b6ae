package platform

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/rm"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// identity is IDENTITY_ENDPOINT:
// https://learn.microsoft.com/azure/container-apps/managed-identity, protocol
// version 2019-08-01: GET ?resource=&client_id= with the header X-IDENTITY-HEADER.
func (s *Server) identity(w http.ResponseWriter, r *http.Request) {
	resource := strings.TrimSuffix(strings.TrimSuffix(r.URL.Query().Get("resource"), "/.default"), "/")
	client, header := r.URL.Query().Get("client_id"), r.Header.Get("X-IDENTITY-HEADER")
	var found *store.Resource
	shown := false
	err := s.Store.Do(func(st *store.State) error {
		for _, typ := range []string{"Microsoft.App/containerApps", "Microsoft.App/jobs"} {
			for _, app := range st.OfType(typ) {
				if rm.IdentityHeader(s.Login.Signer, strings.ToLower(app.ID)) != header {
					continue
				}
				shown = true
				found = assigned(st, app, client)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, "InternalServerError", err.Error())
	case !shown:
		refuse(w, http.StatusForbidden, "Forbidden", "The header X-IDENTITY-HEADER is not that of an app.")
	case found == nil:
		refuse(w, http.StatusBadRequest, "invalid_request", "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.")
	case resource == "":
		refuse(w, http.StatusBadRequest, "invalid_request", "The parameter resource is missing.")
	default:
		p := found.Body["properties"].(rp.Object)
		clientID, _ := p["clientId"].(string)
		principal, _ := p["principalId"].(string)
		answer(w, http.StatusOK, map[string]any{
			"access_token": s.Login.Issue(resource, clientID, principal, strings.ToLower(found.ID)), "token_type": "Bearer", "resource": resource,
			"client_id": clientID, "expires_on": strconv.FormatInt(s.Now().Add(s.Login.Lifetime).Unix(), 10),
		})
	}
}

// assigned finds the app's identity with that client id; without one its only one.
func assigned(st *store.State, app *store.Resource, client string) *store.Resource {
	identity, _ := app.Body["identity"].(rp.Object)
	set, _ := identity["userAssignedIdentities"].(rp.Object)
	for id := range set {
		r := st.Get(id)
		if r == nil {
			continue
		}
		p, _ := r.Body["properties"].(rp.Object)
		if client != "" && p["clientId"] == client || client == "" && len(set) == 1 {
			return r
		}
	}
	return nil
}
