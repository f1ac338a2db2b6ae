package provider

import (
	"strings"
	"testing"
)

// What exists: ours is gone on with, what Azure works on is waited for, and what
// is somebody else's is left alone with a way out.
func TestCreateOfWhatExists(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token  string
		in     obj
		path   string
		live   obj
		wanted []string // words of the error; none: it is adopted
	}{
		"ours":    {idToken, identity(), identityPath(), obj{"id": identityPath(), "tags": mine()}, nil},
		"failed":  {idToken, identity(), identityPath(), obj{"id": identityPath(), "tags": mine(), "properties": obj{"provisioningState": "Failed"}}, nil},
		"another": {idToken, identity(), identityPath(), obj{"id": identityPath(), "tags": obj{ownerTag: "yours"}}, []string{"cannot create already existing resource '" + identityPath() + "'", "pulumi import azure-native:managedidentity:UserAssignedIdentity", "az resource delete", "tags"}},
		"no tags": {idToken, identity(), identityPath(), obj{"id": identityPath()}, []string{"it carries no tags"}},
		"same role": {roleToken, roleInputs("p"), rolePath(), obj{"id": rolePath(), "properties": obj{"principalId": "P",
			"roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/r1"}}, nil},
		"other principal": {roleToken, roleInputs("p"), rolePath(), obj{"id": rolePath(), "properties": obj{"principalId": "q", "roleDefinitionId": roleID("r1")}}, []string{"already existing", "principalId, roleDefinitionId differ"}},
		"same model":      {depToken, deployment("chat"), depPath("chat"), obj{"id": depPath("chat"), "properties": obj{"model": obj{"format": "OpenAI", "name": "gpt-4o", "version": "1"}}}, nil},
		"other model":     {depToken, deployment("chat"), depPath("chat"), obj{"id": depPath("chat"), "properties": obj{"model": obj{"format": "OpenAI", "name": "gpt-4", "version": "1"}}}, []string{"already existing", "properties.model.name"}},
		"same budget":     {budToken, budgetInputs(), budgetPath(), obj{"id": budgetPath(), "eTag": "7", "properties": obj{"amount": 5.0, "category": "Cost", "timeGrain": "Monthly"}}, nil},
		"other budget":    {budToken, budgetInputs(), budgetPath(), obj{"id": budgetPath(), "properties": obj{"amount": 6.0, "category": "Cost", "timeGrain": "Monthly"}}, []string{"already existing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.put(c.path, c.live)
			r := resourceOf(t, testServer(t, f), c.token, "n")
			err := r.create(c.in)
			if c.wanted != nil {
				says(t, err, c.wanted...)
				if w := f.writes(); len(w) > 0 {
					t.Errorf("changed: %v", w)
				}
				return
			}
			must(t, err)
			if len(f.writes()) != 1 {
				t.Errorf("writes %v", f.writes())
			}
		})
	}
}

// What a killed run left of an earlier definition, in a resource group of ours, gives
// way to what is wanted now; in anybody else's group it is left alone.
func TestWhatAnEarlierDefinitionLeft(t *testing.T) {
	t.Parallel()
	group := rgPath("")[:len(rgPath(""))-len("/providers/")]
	for name, c := range map[string]struct {
		token string
		in    obj
		path  string
		live  obj
	}{
		"budget": {budToken, budgetInputs(), budgetPath(), obj{"id": budgetPath(), "properties": obj{"amount": 6.0, "category": "Cost", "timeGrain": "Monthly"}}},
		"model":  {depToken, deployment("chat"), depPath("chat"), obj{"id": depPath("chat"), "properties": obj{"model": obj{"format": "OpenAI", "name": "gpt-4", "version": "1"}}}},
		"role":   {roleToken, roleInputs("p"), rolePath(), obj{"id": rolePath(), "properties": obj{"principalId": "q", "roleDefinitionId": roleID("r1")}}},
	} {
		for whose, tags := range map[string]obj{"ours": mine(), "another's": {ownerTag: "yours"}, "without tags": nil} {
			t.Run(name+" in a group that is "+whose, func(t *testing.T) {
				t.Parallel()
				f := newFake()
				f.put(c.path, c.live)
				f.put(group, obj{"id": group, "tags": tags})
				err := resourceOf(t, testServer(t, f), c.token, "n").create(c.in)
				if whose != "ours" {
					says(t, err, "cannot create already existing resource")
					if w := f.writes(); len(w) > 0 {
						t.Errorf("changed: %v", w)
					}
					return
				}
				must(t, err)
				if w := f.writes(); len(w) != 2 || !strings.HasPrefix(w[0], "DELETE ") || !strings.HasPrefix(w[1], "PUT ") {
					t.Errorf("writes %v", w)
				}
			})
		}
	}
}

func roleID(guid string) string {
	return "/subscriptions/" + testSubscription + "/providers/Microsoft.Authorization/roleDefinitions/" + guid
}

const roleName = "0a1b2c3d-0000-4000-8000-000000000001"

func roleInputs(principal string) obj {
	return obj{"scope": rgPath("x/y/z"), "roleAssignmentName": roleName, "principalId": principal, "roleDefinitionId": roleID("r1"), "principalType": "ServicePrincipal"}
}

func rolePath() string {
	return rgPath("x/y/z") + "/providers/Microsoft.Authorization/roleAssignments/" + roleName
}

func deployment(name string) obj {
	return obj{"resourceGroupName": "rg", "accountName": "acc", "deploymentName": name, "sku": obj{"name": "Standard", "capacity": 1.0},
		"properties": obj{"model": obj{"format": "OpenAI", "name": "gpt-4o", "version": "1"}}}
}

func depPath(name string) string {
	return rgPath("Microsoft.CognitiveServices/accounts/acc/deployments/" + name)
}

func budgetInputs() obj {
	return obj{"scope": rgPath("")[:len(rgPath(""))-len("/providers/")], "budgetName": "b", "amount": 5.0, "category": "Cost", "timeGrain": "Monthly",
		"timePeriod": obj{"startDate": "2024-01-01T00:00:00Z"}}
}

func budgetPath() string { return rgPath("Microsoft.Consumption/budgets/b") }
