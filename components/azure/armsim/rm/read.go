package rm

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

func (s *Server) get(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	old := st.Get(r.id())
	if old == nil {
		if strings.HasSuffix(r.typ.Name, "/roleDefinitions") {
			if builtin := rp.BuiltinDefinition(s.Subscription, r.path.Name()); builtin != nil {
				return answer.OK(builtin), nil
			}
		}
		if bad := s.home(st, r); bad != nil && !r.typ.Extension {
			return nil, bad
		}
		return nil, notFound(r)
	}
	if r.op == "head" {
		return answer.New(http.StatusNoContent, nil), nil
	}
	return answer.OK(s.view(st, r, old)), nil
}

// view is a resource as it is answered: a copy.
func (s *Server) view(st *store.State, r *request, res *store.Resource) rp.Object {
	body := clone(res.Body).(rp.Object)
	typ := s.Types.Find(res.Type)
	if typ.View != nil {
		call := s.call(st, r, res)
		typ.View(call, body)
	}
	body["id"], body["name"], body["type"] = res.ID, res.Name, res.Type
	if s.World.OddCase && typ.OddID != nil {
		body["id"] = typ.OddID(res.ID)
	}
	if strings.HasPrefix(res.Type, "Microsoft.App/") || strings.HasPrefix(res.Type, "Microsoft.CognitiveServices/") {
		at := res.Created.UTC().Format("2006-01-02T15:04:05.0000000Z")
		body["systemData"] = rp.Object{"createdBy": s.World.Caller, "createdByType": "Application", "createdAt": at}
	}
	return body
}

// clone copies decoded JSON.
func clone(value any) any {
	switch value := value.(type) {
	case rp.Object:
		out := make(rp.Object, len(value))
		for key, member := range value {
			out[key] = clone(member)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, member := range value {
			out[i] = clone(member)
		}
		return out
	}
	return value
}

// list answers a collection: of a group, a subscription, a parent or a scope.
func (s *Server) list(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	if bad := s.home(st, r); bad != nil {
		return nil, bad
	}
	scope := strings.ToLower(r.path.Scope)
	if i := strings.LastIndex(r.typ.Name, "/"); strings.Count(r.typ.Name, "/") > 1 {
		scope = strings.ToLower(r.path.Parent().ID())
		if st.Get(scope) == nil {
			return nil, answer.Errorf(http.StatusNotFound, "ParentResourceNotFound", "Failed to perform 'read' on resource(s) of type '%s', because the parent resource '%s' could not be found.", r.typ.Name[i+1:], scope)
		}
	}
	var all []any
	for _, res := range st.OfType(r.typ.Name) {
		within := strings.HasPrefix(strings.ToLower(res.ID), scope+"/")
		if r.typ.Extension {
			// Also what is assigned above applies at a scope, and what is below is listed.
			own := strings.ToLower(scopeOf(res))
			within = strings.HasPrefix(scope+"/", own+"/") || !strings.Contains(r.query["$filter"], "atScope()") && strings.HasPrefix(own+"/", scope+"/")
		}
		if within && s.filter(r, res) {
			all = append(all, s.view(st, r, res))
		}
	}
	if strings.HasSuffix(r.typ.Name, "/roleDefinitions") {
		for _, name := range slices.Sorted(maps.Keys(rp.Builtin())) {
			one := rp.BuiltinDefinition(s.Subscription, name)
			if filter := r.query["$filter"]; filter == "" || strings.Contains(filter, "'"+rp.Builtin()[name]+"'") {
				all = append(all, one)
			}
		}
	}
	return s.page(r, all), nil
}

// pageSize is how many items a page has.
const pageSize = 50

// page answers one page, with a nextLink if there are more.
func (s *Server) page(r *request, all []any) *answer.Answer {
	start, _ := strconv.Atoi(r.query["$skiptoken"])
	start = min(max(start, 0), len(all))
	end := min(start+pageSize, len(all))
	out := answer.List(all[start:end])
	if end < len(all) {
		query := url.Values{}
		for key, value := range r.query {
			query.Set(key, value)
		}
		query.Set("$skiptoken", strconv.Itoa(end))
		out.Body.(map[string]any)["nextLink"] = "https://" + r.host + r.http.URL.EscapedPath() + "?" + query.Encode()
	}
	return out
}

// filter knows the filters of resource groups and resources (by tag, by type) and
// of role assignments (by principal): the grammar "X eq 'Y' and …".
func (s *Server) filter(r *request, res *store.Resource) bool {
	var tag, value string
	var byTag, byValue bool
	for _, term := range strings.Split(r.query["$filter"], " and ") {
		key, want, ok := strings.Cut(strings.TrimSpace(term), " eq ")
		if !ok {
			continue
		}
		want = strings.Trim(want, "'")
		switch strings.ToLower(key) {
		case "tagname":
			tag, byTag = want, true
		case "tagvalue":
			value, byValue = want, true
		case "resourcetype":
			if !strings.EqualFold(want, res.Type) {
				return false
			}
		case "principalid":
			if p, _ := res.Body["properties"].(rp.Object); p["principalId"] != want {
				return false
			}
		case "rolename":
			if p, _ := res.Body["properties"].(rp.Object); p["roleName"] != want {
				return false
			}
		}
	}
	if !byTag {
		return true
	}
	tags, _ := res.Body["tags"].(rp.Object)
	for key, have := range tags { // names of tags ignore case, values do not
		if strings.EqualFold(key, tag) && (!byValue || have == value) {
			return true
		}
	}
	return false
}
