package rm

import (
	"net/http"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// handle answers a request that is authenticated, under the store's lock.
func (s *Server) handle(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	if bad := s.version(r); bad != nil {
		return nil, bad
	}
	if id := r.path.Subscription; id != "" && !strings.EqualFold(id, s.Subscription) {
		if !guidLike(id) {
			return nil, answer.Errorf(http.StatusBadRequest, "InvalidSubscriptionId", "The provided subscription identifier '%s' is malformed or invalid.", id)
		}
		return nil, answer.Errorf(http.StatusNotFound, "SubscriptionNotFound", "The subscription '%s' could not be found.", id)
	}
	if r.op == "poll" {
		return s.poll(st, r)
	}
	if out, bad, ok := s.special(st, r); ok {
		return out, bad
	}
	if r.typ == nil {
		return nil, answer.Errorf(http.StatusNotFound, "InvalidResourceType", "The resource type could not be found in the namespace '%s' for api version '%s': '%s'.", r.path.Namespace, r.version, r.kind)
	}
	if bad := s.authorize(st, r, r.action(), r.path.ID()); bad != nil {
		return nil, bad
	}
	if bad := s.registered(st, r); bad != nil {
		return nil, bad
	}
	return s.dispatch(st, r)
}

func (s *Server) dispatch(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	exact := strings.EqualFold(r.kind, r.typ.Name)
	switch {
	case exact && r.path.Odd && r.op == "list":
		return s.list(st, r)
	case !exact || r.path.Odd:
		return s.below(st, r)
	}
	switch r.op {
	case "get", "head":
		return s.get(st, r)
	case "put", "patch":
		return s.put(st, r)
	case "delete":
		return s.remove(st, r)
	}
	return nil, answer.Errorf(http.StatusMethodNotAllowed, "MethodNotAllowed", "The requested resource does not support http method '%s'.", r.http.Method)
}

func guidLike(s string) bool { return len(s) == 36 && strings.Count(s, "-") == 4 }

// version checks the api-version against the type's list, with the error bodies
// that Resource Manager gives for a missing and for an unknown one.
func (s *Server) version(r *request) *answer.Error {
	if r.version == "" {
		return answer.Errorf(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	}
	if r.typ == nil || r.op == "poll" || slices.Contains(r.typ.Versions, r.version) {
		return nil
	}
	namespace, typ, _ := strings.Cut(r.typ.Name, "/")
	return answer.Errorf(http.StatusBadRequest, "NoRegisteredProviderFound", "No registered resource provider found for location '' and API version '%s' for type '%s' in the namespace '%s'. The supported api-versions are '%s'.", r.version, typ, namespace, strings.Join(r.typ.Versions, ", "))
}

// registered is fault row 17: the first write of a namespace that the subscription
// has not registered.
func (s *Server) registered(st *store.State, r *request) *answer.Error {
	namespace, _, _ := strings.Cut(r.typ.Name, "/")
	lower := strings.ToLower(namespace)
	if !slices.Contains([]string{"put", "patch", "post"}, r.op) || s.isRegistered(st, lower) {
		return nil
	}
	return answer.Errorf(http.StatusConflict, "MissingSubscriptionRegistration", "The subscription is not registered to use namespace '%s'. See https://aka.ms/rps-not-found for how to register subscriptions.", namespace)
}

func (s *Server) isRegistered(st *store.State, lower string) bool {
	if registered, ok := st.Registered[lower]; ok {
		return registered
	}
	return !s.Unregistered[lower]
}

// call is what the types' functions get.
func (s *Server) call(st *store.State, r *request, old *store.Resource) *rp.Call {
	return &rp.Call{
		World: s.World, State: st, Now: s.Now(), Path: r.path, Type: r.typ, Version: r.version,
		Query: r.query, Body: r.body, Old: old, Status: r.status,
	}
}

// id is the id of the request's resource, with the type in its usual case.
func (r *request) id() string {
	if r.typ.Name == "Microsoft.Resources/resourceGroups" {
		return "/subscriptions/" + r.path.Subscription + "/resourceGroups/" + r.path.Group
	}
	p := r.path
	namespace, types, _ := strings.Cut(r.typ.Name, "/")
	p.Namespace, p.Types = namespace, strings.Split(types, "/")
	p.Names = p.Names[:min(len(p.Types), len(p.Names))]
	p.Odd = false
	return p.ID()
}

func notFound(r *request) *answer.Error {
	if r.typ.Name == "Microsoft.Resources/resourceGroups" {
		return groupNotFound(r.path.Group)
	}
	if r.typ.Extension {
		code := map[bool]string{true: "RoleAssignmentNotFound", false: "ResourceNotFound"}[strings.HasSuffix(r.typ.Name, "roleAssignments")]
		return answer.Errorf(http.StatusNotFound, code, "The %s '%s' is not found.", r.typ.Name[strings.LastIndexByte(r.typ.Name, '/')+1:], r.path.Name())
	}
	return answer.Errorf(http.StatusNotFound, "ResourceNotFound", "The Resource '%s/%s' under resource group '%s' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix", r.typ.Name, r.path.Name(), r.path.Group)
}

func groupNotFound(name string) *answer.Error {
	return answer.Errorf(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '%s' could not be found.", name)
}

// home checks that the scope of a resource exists.
func (s *Server) home(st *store.State, r *request) *answer.Error {
	if r.typ.Name == "Microsoft.Resources/resourceGroups" {
		return nil
	}
	if r.path.Group != "" {
		group := st.Get("/subscriptions/" + r.path.Subscription + "/resourceGroups/" + r.path.Group)
		if group == nil {
			return groupNotFound(r.path.Group)
		}
		if rp.StateOf(group) == "Deleting" && r.op != "get" && r.op != "list" {
			return answer.Errorf(http.StatusConflict, "ResourceGroupBeingDeleted", "The resource group '%s' is in deprovisioning state and cannot perform this operation.", group.Name)
		}
	}
	if r.typ.Extension && strings.Contains(strings.ToLower(r.path.Scope), "/providers/") && st.Get(r.path.Scope) == nil && r.op != "list" {
		return answer.Errorf(http.StatusNotFound, "ResourceNotFound", "The resource '%s' was not found.", r.path.Scope)
	}
	return nil
}

// below answers an action or a read below a resource.
func (s *Server) below(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	old := st.Get(r.id())
	if old == nil {
		return nil, notFound(r)
	}
	rest := strings.ToLower(strings.Trim(r.path.ID()[min(len(r.id()), len(r.path.ID())):], "/"))
	first, _, _ := strings.Cut(rest, "/")
	act := r.typ.Reads[first]
	if r.op == "post" && act == nil {
		act = r.typ.Actions[first]
	}
	if act == nil {
		return nil, answer.Errorf(http.StatusNotFound, "InvalidResourceType", "The resource '%s' has nothing called '%s' for the method %s.", old.ID, rest, r.http.Method)
	}
	if tree := r.typ.Bodies[first]; tree != "" && r.op == "post" && r.body != nil {
		if bad := s.fits(r, tree); bad != nil {
			return nil, bad
		}
	}
	call := s.call(st, r, old)
	call.Path.Scope = scopeOf(old)
	out, bad := act(call)
	if bad != nil {
		return nil, bad
	}
	r.effects = append(r.effects, call.Effects...)
	if r.op == "post" {
		st.Changed() // actions may make keys and tokens
	}
	return out, nil
}

// scopeOf is the part of an id before its last provider, as the resource has it.
func scopeOf(r *store.Resource) string { return r.ID[:strings.LastIndex(r.ID, "/providers/")] }
