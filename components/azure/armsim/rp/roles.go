package rp

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Roles that are built in and that something here depends on.
const (
	AcrPull           = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
	AcrPush           = "8311e382-0749-4cb8-b61a-304f252e45ec"
	OpenAIUser        = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
	Contributor       = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	Owner             = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	Reader            = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	UserAccess        = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
	OpenAIContributor = "a001fd3d-188f-4b5d-821b-7da978bf7442"
)

// Builtin names the built-in roles.
func Builtin() map[string]string {
	return map[string]string{
		AcrPull: "AcrPull", AcrPush: "AcrPush", OpenAIUser: "Cognitive Services OpenAI User", Contributor: "Contributor", Owner: "Owner",
		Reader: "Reader", UserAccess: "User Access Administrator", OpenAIContributor: "Cognitive Services OpenAI Contributor",
	}
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

const (
	assignments = "Microsoft.Authorization/roleAssignments"
	definitions = "Microsoft.Authorization/roleDefinitions"
)

func roleTypes() []*Type {
	badName := func(name string) *answer.Error {
		return invalid("InvalidRoleAssignmentId", "The role assignment ID '%s' is not valid. The role assignment ID must be a GUID.", name)
	}
	return []*Type{
		{
			Name: assignments, Tree: "roleAssignments", Extension: true, NoTags: true, Pattern: guid, NameError: badName,
			Versions: []string{"2015-07-01", "2018-09-01-preview", "2020-04-01-preview", "2020-10-01-preview", "2022-04-01"},
			Check:    checkAssignment, Fill: fillAssignment, View: dropState,
		},
		{
			Name: definitions, Tree: "roleDefinitions", Extension: true, NoTags: true, Pattern: guid, NameError: func(name string) *answer.Error {
				return invalid("InvalidRoleDefinitionId", "The role definition ID '%s' is not valid. The role definition ID must be a GUID.", name)
			},
			Versions: []string{"2018-01-01-preview", "2022-04-01", "2022-05-01-preview"},
			Check:    checkDefinition, Fill: fillDefinition, View: dropState, Removable: definitionInUse,
		},
	}
}

func dropState(_ *Call, body Object) { delete(props(body), "provisioningState") }

// checkAssignment has fault rows 1 and 2 and the errors of
// https://learn.microsoft.com/azure/role-based-access-control/troubleshooting.
func checkAssignment(c *Call) *answer.Error {
	p := props(c.Body)
	principal, role := text(p, "principalId"), text(p, "roleDefinitionId")
	if !guid.MatchString(principal) {
		return invalid("InvalidPrincipalId", "A valid principal ID must be provided for role assignment; it is '%s'.", principal)
	}
	if !c.roleExists(role) {
		return answer.Errorf(http.StatusNotFound, "RoleDefinitionDoesNotExist", "The specified role definition with ID '%s' does not exist.", lastSegment(role))
	}
	if c.Old != nil {
		return c.sameAssignment(principal, role)
	}
	created, known := c.principal(principal)
	typ := text(p, "principalType")
	if !known || c.Now.Sub(created) < c.PrincipalDelay {
		return invalid("PrincipalNotFound", "Principal %s does not exist in the directory %s. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype", strings.ReplaceAll(principal, "-", ""), c.Tenant)
	}
	if typ != "" && !strings.EqualFold(typ, "ServicePrincipal") {
		return invalid("UnmatchedPrincipalType", "The PrincipalId '%s' has type 'ServicePrincipal' , which is different from specified PrinciaplType '%s'.", strings.ReplaceAll(principal, "-", ""), typ)
	}
	for _, r := range c.State.OfType(assignments) {
		same := strings.EqualFold(text(r.Body, "properties", "scope"), c.Path.Scope) && text(r.Body, "properties", "principalId") == principal &&
			strings.EqualFold(lastSegment(text(r.Body, "properties", "roleDefinitionId")), lastSegment(role))
		if same {
			return answer.Errorf(http.StatusConflict, "RoleAssignmentExists", "The role assignment already exists. The ID of the conflicting role assignment is %s.", strings.ReplaceAll(r.Name, "-", ""))
		}
	}
	return nil
}

func (c *Call) sameAssignment(principal, role string) *answer.Error {
	old := props(c.Old.Body)
	if text(old, "principalId") != principal || !strings.EqualFold(lastSegment(text(old, "roleDefinitionId")), lastSegment(role)) {
		return invalid("RoleAssignmentUpdateNotPermitted", "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")
	}
	return nil
}

func (c *Call) roleExists(id string) bool {
	name := strings.ToLower(lastSegment(id))
	if Builtin()[name] != "" {
		return true
	}
	for _, r := range c.State.OfType(definitions) {
		if strings.EqualFold(r.Name, name) {
			return true
		}
	}
	return false
}

func fillAssignment(c *Call) {
	p := props(c.New.Body)
	p["scope"] = c.Path.Scope
	standard(p, "principalType", "ServicePrincipal")
	for _, key := range []string{"condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description"} {
		standard(p, key, nil)
	}
	c.keep("createdOn", func() any { return c.Now.UTC().Format(time.RFC3339Nano) })
	p["updatedOn"] = c.Now.UTC().Format(time.RFC3339Nano)
}

func checkDefinition(c *Call) *answer.Error {
	p := props(c.Body)
	name := text(p, "roleName")
	if name == "" {
		return invalid("RoleDefinitionRoleNameMissing", "The role definition '%s' has no roleName.", c.Path.Name())
	}
	scopes, _ := p["assignableScopes"].([]any)
	if len(scopes) == 0 {
		return invalid("MissingAssignableScopes", "The custom role '%s' needs at least one assignable scope.", name)
	}
	permissions := items(p, "permissions")
	if len(permissions) == 0 {
		return invalid("RoleDefinitionPermissionsMissing", "The custom role '%s' needs permissions.", name)
	}
	for _, r := range c.State.OfType(definitions) {
		if text(r.Body, "properties", "roleName") == name && !strings.EqualFold(r.Name, c.Path.Name()) {
			return answer.Errorf(http.StatusConflict, "RoleDefinitionWithSameNameExists", "A custom role with the same name already exists in this directory. Use a different name; it is '%s'.", name)
		}
	}
	return nil
}

func fillDefinition(c *Call) {
	p := props(c.New.Body)
	p["type"] = "CustomRole"
	c.keep("createdOn", func() any { return c.Now.UTC().Format(time.RFC3339Nano) })
	p["updatedOn"] = c.Now.UTC().Format(time.RFC3339Nano)
}

func definitionInUse(c *Call) *answer.Error {
	for _, r := range c.State.OfType(assignments) {
		if strings.EqualFold(lastSegment(text(r.Body, "properties", "roleDefinitionId")), c.Old.Name) {
			return invalid("RoleDefinitionHasAssignments", "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments): %s.", r.ID)
		}
	}
	return nil
}

// BuiltinDefinition is the answer for a built-in role, nil if there is none.
func BuiltinDefinition(subscription, name string) Object {
	title := Builtin()[strings.ToLower(name)]
	if title == "" {
		return nil
	}
	return Object{
		"id":   "/subscriptions/" + subscription + "/providers/" + definitions + "/" + strings.ToLower(name),
		"name": strings.ToLower(name), "type": definitions,
		"properties": Object{"roleName": title, "type": "BuiltInRole", "assignableScopes": []any{"/"}},
	}
}

// Effective says since when one of the principals has one of the roles at scope or
// above it; ok is false if it never will.
func Effective(w *World, st *store.State, scope string, principals, roles []string) (since time.Time, ok bool) {
	for _, r := range st.OfType(assignments) {
		p := props(r.Body)
		at := strings.ToLower(text(p, "scope"))
		if !strings.HasPrefix(strings.ToLower(scope)+"/", at+"/") || !contains(principals, text(p, "principalId")) ||
			!contains(roles, lastSegment(text(p, "roleDefinitionId"))) {
			continue
		}
		effect := r.Created.Add(w.RoleDelay)
		if !ok || effect.Before(since) {
			since, ok = effect, true
		}
	}
	return since, ok
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if strings.EqualFold(one, s) {
			return true
		}
	}
	return false
}

func lastSegment(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// Actions are those that a role definition permits. NotActions are not looked at:
// a role of envctl has none.
func Actions(body Object) []string {
	var out []string
	for _, p := range items(body, "properties", "permissions") {
		list, _ := p["actions"].([]any)
		for _, one := range list {
			if s, ok := one.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}
