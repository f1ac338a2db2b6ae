package rm

import (
	"net/http"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/models"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// special answers what is no resource of a type: subscriptions, providers, names,
// soft-deleted accounts, usages, models and permissions. ok is false for all else.
func (s *Server) special(st *store.State, r *request) (out *answer.Answer, bad *answer.Error, ok bool) {
	names := r.path.Names
	switch strings.ToLower(r.kind) {
	case "microsoft.resources/subscriptions":
		if r.path.Odd {
			return answer.List([]any{s.subscription()}), nil, true
		}
		return answer.OK(s.subscription()), nil, true
	case "microsoft.resources/tenants":
		return answer.List([]any{rp.Object{"id": "/tenants/" + s.World.Tenant, "tenantId": s.World.Tenant}}), nil, true
	case "microsoft.resources/subscriptions/locations":
		return locations(s.Subscription), nil, true
	case "microsoft.resources/subscriptions/resources", "microsoft.resources/subscriptions/resourcegroups/resources":
		return s.resources(st, r), nil, true
	case "microsoft.resources/providers":
		return s.providers(st), nil, true
	case "microsoft.containerregistry/checknameavailability":
		return s.registryName(st, r), nil, true
	case "microsoft.storage/checknameavailability":
		return s.storageName(st, r), nil, true
	case "microsoft.cognitiveservices/checkdomainavailability":
		return s.subdomain(st, r), nil, true
	case "microsoft.cognitiveservices/deletedaccounts", "microsoft.cognitiveservices/locations/resourcegroups/deletedaccounts":
		out, bad = s.deletedAccounts(st, r)
		return out, bad, true
	case "microsoft.operationalinsights/deletedworkspaces":
		return s.deletedWorkspaces(st, r), nil, true
	case "microsoft.cognitiveservices/locations/usages":
		if bad := s.authorize(st, r, "Microsoft.CognitiveServices/locations/usages/read", r.path.Scope); bad != nil {
			return nil, bad, true // fault row 22
		}
		return rp.UsageList(s.World, st, names[0]), nil, true
	case "microsoft.cognitiveservices/locations/models":
		return rp.ModelList(names[0], "", true), nil, true
	case "microsoft.app/locations/usages":
		return answer.List([]any{rp.Object{"name": rp.Object{"value": "ManagedEnvironmentCount"}, "unit": "Count", "currentValue": float64(len(st.OfType("Microsoft.App/managedEnvironments"))), "limit": 15.0}}), nil, true
	case "microsoft.consumption/usagedetails":
		return rp.UsageDetails(s.World, s.Subscription), nil, true
	case "microsoft.authorization/permissions":
		return s.permissions(), nil, true
	}
	if r.typ == nil && r.path.Namespace != "" {
		return s.provider(st, r)
	}
	return nil, nil, false
}

func (s *Server) subscription() rp.Object {
	return rp.Object{
		"id": "/subscriptions/" + s.Subscription, "subscriptionId": s.Subscription, "tenantId": s.World.Tenant,
		"displayName": "Simulated subscription", "state": "Enabled", "authorizationSource": "RoleBased",
	}
}

func locations(subscription string) *answer.Answer {
	var out []any
	for _, name := range models.Regions() {
		out = append(out, rp.Object{
			"id": "/subscriptions/" + subscription + "/locations/" + name, "name": name, "displayName": name,
			"regionalDisplayName": name, "type": "Region", "metadata": rp.Object{"regionType": "Physical"},
		})
	}
	return answer.List(out)
}

// resources lists every tracked resource of a group or the subscription, in the
// short form of the real list.
func (s *Server) resources(st *store.State, r *request) *answer.Answer {
	prefix := "/"
	if r.path.Group != "" {
		prefix = strings.ToLower("/subscriptions/"+s.Subscription+"/resourceGroups/"+r.path.Group) + "/"
	}
	var out []any
	for _, res := range st.Under("") {
		typ := s.Types.Find(res.Type)
		tracked := typ.Located && res.Type != groupType && strings.HasPrefix(strings.ToLower(res.ID), prefix)
		if tracked && s.filter(r, res) {
			one := s.view(st, r, res)
			short := rp.Object{}
			for _, key := range []string{"id", "name", "type", "location", "tags", "kind", "sku"} {
				if one[key] != nil {
					short[key] = one[key]
				}
			}
			out = append(out, short)
		}
	}
	return s.page(r, out)
}

func (s *Server) providers(st *store.State) *answer.Answer {
	var out []any
	for lower := range s.Types.Namespaces() {
		out = append(out, s.providerBody(st, lower))
	}
	slices.SortFunc(out, func(a, b any) int {
		return strings.Compare(a.(rp.Object)["namespace"].(string), b.(rp.Object)["namespace"].(string))
	})
	return answer.List(out)
}

func (s *Server) providerBody(st *store.State, lower string) rp.Object {
	state := "NotRegistered"
	if s.isRegistered(st, lower) {
		state = "Registered"
	}
	name := s.Types.Namespaces()[lower]
	var types []any
	for _, t := range s.Types {
		if namespace, rest, _ := strings.Cut(t.Name, "/"); namespace == name {
			types = append(types, rp.Object{"resourceType": rest, "apiVersions": t.Versions, "locations": models.Regions()})
		}
	}
	return rp.Object{
		"id": "/subscriptions/" + s.Subscription + "/providers/" + name, "namespace": name,
		"registrationState": state, "registrationPolicy": "RegistrationRequired", "resourceTypes": types,
	}
}

// provider answers …/providers/NAMESPACE and its register and unregister.
func (s *Server) provider(st *store.State, r *request) (*answer.Answer, *answer.Error, bool) {
	lower := strings.ToLower(r.path.Namespace)
	last := strings.ToLower(r.path.Last())
	if last != "" && last != "register" && last != "unregister" || len(r.path.Types) > 1 {
		return nil, nil, false
	}
	if s.Types.Namespaces()[lower] == "" {
		return nil, answer.Errorf(http.StatusNotFound, "InvalidResourceNamespace", "The resource namespace '%s' is invalid.", r.path.Namespace), true
	}
	if last != "" {
		if bad := s.authorize(st, r, r.path.Namespace+"/"+last+"/action", "/subscriptions/"+s.Subscription); bad != nil {
			return nil, bad, true
		}
		st.Registered[lower] = last == "register"
		st.Changed()
	}
	return answer.OK(s.providerBody(st, lower)), nil, true
}

func (s *Server) registryName(st *store.State, r *request) *answer.Answer {
	name, _ := r.body["name"].(string)
	typ := s.Types.Find("Microsoft.ContainerRegistry/registries")
	if !typ.Pattern.MatchString(name) {
		return answer.OK(rp.Object{"nameAvailable": false, "reason": "Invalid", "message": typ.NameError(name).Message})
	}
	taken := s.World.Taken["registry/"+strings.ToLower(name)]
	for _, res := range st.OfType(typ.Name) {
		taken = taken || strings.EqualFold(res.Name, name)
	}
	if taken {
		return answer.OK(rp.Object{"nameAvailable": false, "reason": "AlreadyExists", "message": "The registry " + name + " is already in use."})
	}
	return answer.OK(rp.Object{"nameAvailable": true})
}

func (s *Server) storageName(st *store.State, r *request) *answer.Answer {
	name, _ := r.body["name"].(string)
	typ := s.Types.Find("Microsoft.Storage/storageAccounts")
	if r.body["type"] != typ.Name || !typ.Pattern.MatchString(name) {
		return answer.OK(rp.Object{"nameAvailable": false, "reason": "AccountNameInvalid", "message": typ.NameError(name).Message})
	}
	taken := s.World.Taken["storage/"+name]
	for _, res := range st.OfType(typ.Name) {
		taken = taken || strings.EqualFold(res.Name, name)
	}
	if taken {
		return answer.OK(rp.Object{"nameAvailable": false, "reason": "AlreadyExists", "message": "The storage account named " + name + " is already taken."})
	}
	return answer.OK(rp.Object{"nameAvailable": true})
}

func (s *Server) subdomain(st *store.State, r *request) *answer.Answer {
	name, _ := r.body["subdomainName"].(string)
	body := rp.Object{"subdomainName": name, "isSubdomainAvailable": true, "type": r.body["type"], "kind": r.body["kind"]}
	if rp.SubdomainTaken(s.World, st, s.Now(), name, "") {
		body["isSubdomainAvailable"] = false
		body["reason"] = "Sub domain name '" + name + "' is not available. Please pick a different name."
	}
	return answer.OK(body)
}

// deletedAccounts lists, shows and purges: fault row 6.
func (s *Server) deletedAccounts(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	var list []any
	for _, gone := range st.DeletedOfType("Microsoft.CognitiveServices/accounts") {
		if s.Now().Sub(gone.DeletedAt) >= rp.KeptFor {
			rp.Purge(st, gone.ID)
			continue
		}
		parts := strings.Split(gone.ID, "/")
		location, _ := gone.Body["location"].(string)
		one := s.view(st, r, gone)
		one["id"] = "/subscriptions/" + s.Subscription + "/providers/Microsoft.CognitiveServices/locations/" + location + "/resourceGroups/" + parts[4] + "/deletedAccounts/" + gone.Name
		one["type"] = "Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts"
		p := one["properties"].(rp.Object)
		p["deletionDate"] = gone.DeletedAt.UTC().Format("2006-01-02T15:04:05.0000000Z")
		p["scheduledPurgeDate"] = gone.DeletedAt.Add(rp.KeptFor).UTC().Format("2006-01-02T15:04:05.0000000Z")
		if len(r.path.Names) == 3 {
			mine := strings.EqualFold(r.path.Names[1], parts[4]) && strings.EqualFold(r.path.Names[2], gone.Name) && models.Region(r.path.Names[0]) == models.Region(location)
			if !mine {
				continue
			}
			if r.op == "delete" {
				rp.Purge(st, gone.ID)
				return answer.OK(nil), nil
			}
			return answer.OK(one), nil
		}
		list = append(list, one)
	}
	if len(r.path.Names) == 3 {
		if r.op == "delete" {
			return answer.New(http.StatusNoContent, nil), nil
		}
		return nil, answer.Errorf(http.StatusNotFound, "ResourceNotFound", "The deleted account '%s' was not found.", r.path.Name())
	}
	return answer.List(list), nil
}

func (s *Server) deletedWorkspaces(st *store.State, r *request) *answer.Answer {
	var list []any
	for _, gone := range st.DeletedOfType("Microsoft.OperationalInsights/workspaces") {
		list = append(list, s.view(st, r, gone))
	}
	return answer.List(list)
}

func (s *Server) permissions() *answer.Answer {
	not := []any{}
	for _, d := range s.Denied {
		not = append(not, d)
	}
	return answer.List([]any{rp.Object{"actions": []any{"*"}, "notActions": not, "dataActions": []any{}, "notDataActions": []any{}}})
}
