package rm

import (
	"net/http"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// authorize checks the action against what the options deny and, for a managed
// identity, against its role assignments. Who logs in with the client's
// credentials may do everything else.
func (s *Server) authorize(st *store.State, r *request, action, scope string) *answer.Error {
	allowed := true
	for _, denied := range s.Denied {
		allowed = allowed && !covers(denied, action)
	}
	if r.claims.Identity != "" {
		allowed = allowed && s.granted(st, r.claims.Object, action, scope)
	}
	if allowed {
		return nil
	}
	return answer.Errorf(http.StatusForbidden, "AuthorizationFailed", "The client '%s' with object id '%s' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.", r.claims.App, r.claims.Object, action, scope)
}

// covers says whether an action's pattern, with * for any rest, covers an action.
func covers(pattern, action string) bool {
	pattern, action = strings.ToLower(pattern), strings.ToLower(action)
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == action
	}
	return strings.HasPrefix(action, before) && strings.HasSuffix(action, after) && len(action) >= len(before)+len(after)
}

// granted says whether a role of the principal at scope or above has the action.
func (s *Server) granted(st *store.State, principal, action, scope string) bool {
	for role, actions := range s.roles(st) {
		since, ok := rp.Effective(s.World, st, scope, []string{principal}, []string{role})
		if !ok || s.Now().Before(since) {
			continue
		}
		for _, pattern := range actions {
			if covers(pattern, action) {
				return true
			}
		}
	}
	return false
}

// roles are the actions of each role: of the built-in ones those that matter here.
func (s *Server) roles(st *store.State) map[string][]string {
	out := map[string][]string{
		rp.Owner: {"*"}, rp.Contributor: {"Microsoft.App/*", "Microsoft.ContainerRegistry/*", "Microsoft.Resources/*", "Microsoft.CognitiveServices/*", "*/read"},
		rp.Reader: {"*/read"}, rp.AcrPull: {"Microsoft.ContainerRegistry/registries/pull/read"},
	}
	for _, r := range st.OfType("Microsoft.Authorization/roleDefinitions") {
		out[r.Name] = rp.Actions(r.Body)
	}
	return out
}

// action is the name of what a request does, as roles have it.
func (r *request) action() string {
	kind := r.kind
	if strings.EqualFold(kind, "Microsoft.Resources/resourceGroups") {
		kind = "Microsoft.Resources/subscriptions/resourceGroups"
	}
	return kind + verb(r.op)
}
