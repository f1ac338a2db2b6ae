package rm

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/models"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// put answers PUT and PATCH: every check first, then the resource, then its
// operation.
func (s *Server) put(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	old := st.Get(r.id())
	if bad := s.home(st, r); bad != nil {
		return nil, bad
	}
	if r.op == "patch" {
		if old == nil {
			return nil, notFound(r)
		}
		r.body = merge(writable(old), r.body).(rp.Object)
	}
	if bad := s.check(st, r, old); bad != nil {
		return nil, bad
	}
	call := s.call(st, r, old)
	if r.typ.Check != nil {
		if bad := r.typ.Check(call); bad != nil {
			return nil, bad
		}
	}
	call.New = s.fresh(r, old)
	if r.typ.Fill != nil {
		r.typ.Fill(call)
	}
	st.Put(call.New)
	return s.begin(st, r, call.New, old == nil), nil
}

// merge is a JSON merge patch, RFC 7396.
func merge(target, patch any) any {
	p, ok := patch.(rp.Object)
	if !ok {
		return clone(patch)
	}
	t, ok := target.(rp.Object)
	if !ok {
		t = rp.Object{}
	}
	for key, value := range p {
		if value == nil {
			delete(t, key)
		} else {
			t[key] = merge(t[key], value)
		}
	}
	return t
}

// writable is a copy of a resource's body with the values of its secrets, which a
// patch of something else does not have to repeat.
func writable(r *store.Resource) rp.Object {
	body := clone(r.Body).(rp.Object)
	properties, _ := body["properties"].(rp.Object)
	configuration, _ := properties["configuration"].(rp.Object)
	secrets, _ := configuration["secrets"].([]any)
	for _, one := range secrets {
		if secret, ok := one.(rp.Object); ok {
			if name, _ := secret["name"].(string); r.Secrets[name] != "" {
				secret["value"] = r.Secrets[name]
			}
		}
	}
	return body
}

// fresh is the resource as the body has it, without what only the service writes.
func (s *Server) fresh(r *request, old *store.Resource) *store.Resource {
	body := clone(r.body).(rp.Object)
	for _, key := range []string{"id", "name", "type", "systemData", "etag"} {
		delete(body, key)
	}
	if _, ok := body["properties"].(rp.Object); !ok {
		body["properties"] = rp.Object{}
	}
	now := s.Now()
	out := &store.Resource{ID: r.id(), Name: r.path.Name(), Type: r.typ.Name, APIVersion: r.version, Body: body, Created: now, Updated: now}
	if r.typ.Name == "Microsoft.Resources/resourceGroups" {
		out.Name = r.path.Group
	}
	if old != nil {
		out.ID, out.Name, out.Created, out.Private = old.ID, old.Name, old.Created, maps.Clone(old.Private)
		delete(out.Private, "error")
	}
	return out
}

// check is what holds for every type: the specification, the name, the place, the
// tags and that nothing else is going on.
func (s *Server) check(st *store.State, r *request, old *store.Resource) *answer.Error {
	if r.body == nil {
		return answer.Errorf(http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid: it is empty.")
	}
	if bad := s.fits(r, r.typ.Tree); bad != nil {
		return bad
	}
	name := r.path.Name()
	if r.typ.Pattern != nil && old == nil && (!r.typ.Pattern.MatchString(name) || r.typ.Longest > 0 && len(name) > r.typ.Longest) {
		return r.typ.NameError(name)
	}
	if bad := s.checkPlace(r, old); bad != nil {
		return bad
	}
	if bad := checkTags(r.body); bad != nil {
		return bad
	}
	if op := st.Busy(r.id()); op != nil {
		return busy(r, op)
	}
	return nil
}

// fits compares the body with a tree of the specification.
func (s *Server) fits(r *request, tree string) *answer.Error {
	problems, err := s.trees.Check(tree, r.body)
	if err != nil {
		return answer.Errorf(http.StatusInternalServerError, "InternalServerError", "%v", err)
	}
	for _, p := range problems {
		if p.Path == "properties.workloadProfileType" && r.version == "2022-10-01" {
			continue // its name then
		}
		if p.Path == "signedPermission" && strings.Contains(p.Text, "must be one of") {
			continue // the specification lists the letters, of which several may be given
		}
		if p.Path == "location" && strings.Contains(p.Text, "required") {
			return answer.Errorf(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
		}
		bad := answer.Errorf(http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid and could not be deserialized: '%s' %s. Path '%s'.", p.Path, p.Text, p.Path)
		bad.Target = p.Path
		return bad
	}
	return nil
}

func busy(r *request, op *store.Operation) *answer.Error {
	if r.typ.BusyError != nil {
		return r.typ.BusyError(op, r.path.Name())
	}
	return answer.Errorf(http.StatusConflict, "AnotherOperationInProgress", "Another operation (%s) is in progress on '%s'. Please retry after it has ended.", op.Kind, r.id())
}

func (s *Server) checkPlace(r *request, old *store.Resource) *answer.Error {
	if !r.typ.Located {
		return nil
	}
	location, _ := r.body["location"].(string)
	region := models.Region(location)
	if region == "" {
		return answer.Errorf(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
	}
	if !slices.Contains(models.Regions(), region) && !(r.typ.Anywhere && region == "global") {
		return answer.Errorf(http.StatusBadRequest, "LocationNotAvailableForResourceType", "The provided location '%s' is not available for resource type '%s'. List of available regions for the resource type is '%s'.", location, r.typ.Name, strings.Join(models.Regions(), ","))
	}
	if old == nil {
		return nil
	}
	if before, _ := old.Body["location"].(string); models.Region(before) != region {
		if r.typ.Name == "Microsoft.Resources/resourceGroups" {
			return answer.Errorf(http.StatusConflict, "InvalidResourceGroupLocation", "Invalid resource group location '%s'. The Resource group already exists in location '%s'.", location, before)
		}
		return answer.Errorf(http.StatusConflict, "InvalidResourceLocation", "The resource '%s' already exists in location '%s' in resource group '%s'. A resource with the same name cannot be created in location '%s'. Please select a new resource name.", old.Name, before, r.path.Group, location)
	}
	return nil
}

// checkTags has the limits of
// https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources.
func checkTags(body rp.Object) *answer.Error {
	tags, _ := body["tags"].(rp.Object)
	if len(tags) > 50 {
		return answer.Errorf(http.StatusBadRequest, "TooManyTags", "The number of tags (%d) exceeds the limit of 50.", len(tags))
	}
	for key, value := range tags {
		text, _ := value.(string)
		switch {
		case strings.ContainsAny(key, `<>%&\?/`) || key == "":
			return answer.Errorf(http.StatusBadRequest, "InvalidTagNameCharacters", `The tag name '%s' has characters that are not allowed: <,>,%%,&,\,?,/ .`, key)
		case len(key) > 512:
			return answer.Errorf(http.StatusBadRequest, "InvalidTagName", "The tag name '%s' has more than 512 characters.", key)
		case len(text) > 256:
			return answer.Errorf(http.StatusBadRequest, "InvalidTagValue", "The value of the tag '%s' has more than 256 characters.", key)
		}
	}
	return nil
}

// begin starts the operation of a put, and answers in the style of the type.
func (s *Server) begin(st *store.State, r *request, res *store.Resource, isNew bool) *answer.Answer {
	status := http.StatusOK
	if isNew {
		status = http.StatusCreated
	}
	if r.typ.Put == rp.Sync && !r.failing() {
		rp.SetState(res, rp.Succeeded)
		a := answer.New(status, s.view(st, r, res))
		if isNew && strings.HasSuffix(r.typ.Name, "/userAssignedIdentities") {
			a.Set("Location", res.ID) // relative: fault row 18
		}
		return a
	}
	op := s.operation(st, r, res, "put")
	rp.SetState(res, starting(r.typ, isNew))
	if r.typ.Put == rp.Location {
		return s.accepted(r, op)
	}
	a := answer.New(status, s.view(st, r, res))
	if r.typ.Put == rp.Async || r.failing() && r.typ.Put == rp.Sync {
		a.Set("Azure-AsyncOperation", s.address(r, op, "operationStatuses"))
	}
	return a.RetryAfter(s.pause(op))
}

// starting is a resource's first provisioningState, for each type as in its
// specification's list of states.
func starting(t *rp.Type, isNew bool) string {
	switch {
	case strings.HasPrefix(t.Name, "Microsoft.App/managedEnvironments"):
		return "Waiting"
	case strings.HasPrefix(t.Name, "Microsoft.App/"):
		return "InProgress"
	case strings.HasPrefix(t.Name, "Microsoft.CognitiveServices/") && isNew:
		return "Accepted"
	case strings.HasPrefix(t.Name, "Microsoft.Network/"), !isNew:
		return "Updating"
	}
	return "Creating"
}

func (r *request) failing() bool { return r.fault != nil && r.fault.Async }

// operation notes a new operation on a resource.
func (s *Server) operation(st *store.State, r *request, res *store.Resource, kind string) *store.Operation {
	delay, ok := s.Delays[strings.ToLower(res.Type)]
	if !ok {
		delay = s.Delay
	}
	now := s.Now()
	op := &store.Operation{
		ID: st.GUID(s.World.Seed), Kind: kind, Resource: strings.ToLower(res.ID), Type: res.Type,
		Started: now, Due: now.Add(delay), Status: store.InProgress,
	}
	if f := r.fault; f != nil {
		op.Due = op.Due.Add(f.Delay)
		if f.Async {
			op.FailCode, op.FailMessage = f.Code, f.Message
		}
	}
	st.Operations[op.ID] = op
	res.Operation = op.ID
	st.Changed()
	return op
}

// address is where an operation is asked for: kind operationStatuses or
// operationResults.
func (s *Server) address(r *request, op *store.Operation, kind string) string {
	namespace, _, _ := strings.Cut(op.Type, "/")
	return fmt.Sprintf("https://%s/subscriptions/%s/providers/%s/locations/global/%s/%s?api-version=%s", r.host, s.Subscription, namespace, kind, op.ID, r.version)
}

// pause is what a client is to wait: a quarter of what is left, at most 15 s.
func (s *Server) pause(op *store.Operation) time.Duration {
	left := op.Due.Sub(s.Now())
	if op.Phase == store.PhaseRunning {
		left = 400 * time.Millisecond
	}
	return min(max(left/4, time.Millisecond), 15*time.Second)
}
