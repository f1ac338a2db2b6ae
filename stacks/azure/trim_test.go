package azure_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/azure/names"
)

// What envctl made and the state does not have goes, each after what uses it; data, and
// what somebody else made, stays.
func TestTrim(t *testing.T) {
	t.Parallel()
	target, c, _ := newTarget()
	p := planOf(t, define())
	n := names.New(names.Owner{Subscription: "0000", Experiment: "exp", Instance: "default"}, false)
	const role, other = "/providers/Microsoft.Authorization/roleDefinitions/r1", "/providers/Microsoft.Authorization/roleDefinitions/r2"
	account := group + "/providers/Microsoft.CognitiveServices/accounts/models"
	tagged := func(kind, name string) string {
		return `{"id":"` + group + `/providers/` + kind + `/` + name + `","name":"` + name + `","type":"` + kind + `","tags":{` + ours + `}}`
	}
	assignment := func(principal, name, role, scope string) string {
		return `{"id":"` + scope + `/providers/Microsoft.Authorization/roleAssignments/` + name +
			`","name":"` + name + `","properties":{"principalId":"` + principal + `","roleDefinitionId":"` + sub + role + `","scope":"` + scope + `"}}`
	}
	c.Lists(group+"/resources",
		tagged("Microsoft.Network/publicIPAddresses", "firewall"), tagged("Microsoft.Network/azureFirewalls", "firewall"),
		tagged("Microsoft.App/managedEnvironments", "kept"), tagged("Microsoft.ContainerRegistry/registries", "old"),
		tagged("Microsoft.CognitiveServices/accounts", "models"), tagged("Microsoft.Insights/actionGroups", "alert"), tagged("Microsoft.ManagedIdentity/userAssignedIdentities", "id-gone"),
		`{"id":"`+group+`/providers/Microsoft.Network/azureFirewalls/theirs","type":"Microsoft.Network/azureFirewalls"}`)
	c.Lists(group+"/providers/Microsoft.Consumption/budgets",
		`{"id":"`+group+`/providers/Microsoft.Consumption/budgets/`+n.Budget+`","name":"`+n.Budget+`"}`,
		`{"id":"`+group+`/providers/Microsoft.Consumption/budgets/theirs","name":"theirs"}`)
	c.Lists(account+"/deployments", tagged("Microsoft.CognitiveServices/accounts/models/deployments", "chat"),
		tagged("Microsoft.CognitiveServices/accounts/models/deployments", "dropped"), `{"id":"`+account+`/deployments/theirs"}`)
	c.Lists(identities, `{"id":"`+identities+`/id-api","name":"id-api","tags":{`+ours+`},"properties":{"principalId":"aaa"}}`,
		`{"id":"`+identities+`/id-gone","name":"id-gone","tags":{`+ours+`},"properties":{"principalId":"BBB"}}`,
		`{"id":"`+identities+`/theirs","name":"theirs","properties":{"principalId":"CCC"}}`)
	dropped, kept := n.GUID("models", "id-api", "r1"), n.GUID("models", "id-api", "r2")
	c.Lists(assignments, assignment("AAA", dropped, role, account), assignment("AAA", kept, other, account), assignment("AAA", "theirs", role, account),
		assignment("bbb", "by-hand", role, sub+"/resourceGroups/data"), assignment("ccc", n.GUID("models", "theirs", "r1"), role, account))
	removed, err := target.Trim(t.Context(), p, []string{
		strings.ToUpper(account), identities + "/id-api", group + "/providers/Microsoft.App/managedEnvironments/kept", account + "/deployments/chat",
		account + "/providers/Microsoft.Authorization/roleAssignments/" + kept,
	})
	want := []string{
		account + "/providers/Microsoft.Authorization/roleAssignments/" + dropped,
		group + "/providers/Microsoft.Consumption/budgets/" + n.Budget,
		account + "/deployments/dropped",
		group + "/providers/Microsoft.Network/azureFirewalls/firewall",
		group + "/providers/Microsoft.Network/publicIPAddresses/firewall",
		group + "/providers/Microsoft.Insights/actionGroups/alert", identities + "/id-gone",
		sub + "/resourceGroups/data/providers/Microsoft.Authorization/roleAssignments/by-hand",
	}
	for i := range want {
		want[i] = strings.ToLower(want[i])
	}
	slices.Sort(want)
	if d := cmp.Diff(want, c.Calls("DELETE")); d != "" || removed != len(want) || err != nil {
		t.Error(d, removed, err)
	}
}
