package provider

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

func TestParseIDs(t *testing.T) {
	t.Parallel()
	var ts tables
	for _, c := range []struct {
		token, id string
		want      map[string]string
	}{
		{appToken, "/subscriptions/s/RESOURCEGROUPS/My-RG/providers/microsoft.app/ContainerApps/Web", map[string]string{"subscriptionId": "s", "resourceGroupName": "My-RG", "containerAppName": "Web"}},
		{rgToken, "subscriptions/s/resourceGroups/rg/", map[string]string{"subscriptionId": "s", "resourceGroupName": "rg"}},
		{roleToken, "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Authorization/roleAssignments/g", map[string]string{"scope": "/subscriptions/s/resourceGroups/rg", "roleAssignmentName": "g"}},
		{roleToken, "subscriptions/s/providers/Microsoft.Authorization/roleAssignments/g", map[string]string{"scope": "subscriptions/s", "roleAssignmentName": "g"}},
		{depToken, "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a/deployments/d", map[string]string{"subscriptionId": "s", "resourceGroupName": "rg", "accountName": "a", "deploymentName": "d"}},
	} {
		rt, err := ts.find(c.token)
		must(t, err)
		got, err := rt.path.parse(c.id)
		must(t, err)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", c.id, got)
		}
		for k, v := range c.want {
			if got[k] != v {
				t.Errorf("%s: %s is %q, expected %q", c.id, k, got[k], v)
			}
		}
	}
}

func TestFillRefusesNames(t *testing.T) {
	t.Parallel()
	var ts tables
	rt, err := ts.find(idToken)
	must(t, err)
	for _, name := range []string{"a/b", "", "a b", "a?b", "a#b", "a%2fb", `a\b`, "a\nb"} {
		_, err := rt.path.fill("s", toMap(obj{"resourceGroupName": "rg", "resourceName": name}))
		says(t, err, `"resourceName"`)
	}
	_, err = rt.path.fill("s", toMap(obj{"resourceName": "x"}))
	says(t, err, `"resourceGroupName"`, "not given")
}

// FuzzParseID: an ID that is taken apart is put together again as it was, but
// for the case of its fixed words; nothing else is accepted.
func FuzzParseID(f *testing.F) {
	var ts tables
	tokens := []string{appToken, rgToken, roleToken, depToken, budToken}
	for i := range tokens {
		for _, id := range []string{
			rgPath("Microsoft.App/containerApps/web"), "/subscriptions/s/resourcegroups/rg", "a/providers/Microsoft.Consumption/budgets/b",
			"/providers/Microsoft.Authorization/roleAssignments/x", "//", "", rolePath(), depPath("d"), strings.ToUpper(budgetPath()),
		} {
			f.Add(id, i)
		}
	}
	f.Fuzz(func(t *testing.T, id string, n int) {
		rt, err := ts.find(tokens[uint(n)%uint(len(tokens))]) //nolint:gosec // any number will do
		must(t, err)
		params, err := rt.path.parse(id)
		if err != nil {
			if !strings.Contains(err.Error(), "form") {
				t.Errorf("error without the form: %v", err)
			}
			return
		}
		in := property.Map{}
		for k, v := range params {
			in = in.Set(k, property.New(v))
		}
		sub := params[subscriptionParam]
		back, err := rt.path.fill(sub, in)
		if err != nil {
			return // a name that cannot stand in a path
		}
		if !strings.EqualFold(strings.Trim(back, "/"), strings.Trim(id, "/")) {
			t.Errorf("%q became %q", id, back)
		}
	})
}
