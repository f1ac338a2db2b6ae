package provider

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// edit returns a copy of inputs with dotted paths set; nil removes.
func edit(in obj, changes obj) obj {
	out := clone(in)
	for path, v := range changes {
		m, parts := out, strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := m[p].(obj)
			if !ok {
				next = obj{}
				m[p] = next
			}
			m = next
		}
		if last := parts[len(parts)-1]; v == nil {
			delete(m, last)
		} else {
			m[last] = v
		}
	}
	return out
}

func TestDiff(t *testing.T) {
	t.Parallel()
	const (
		add, addReplace       = pulumirpc.PropertyDiff_ADD, pulumirpc.PropertyDiff_ADD_REPLACE
		del, delReplace       = pulumirpc.PropertyDiff_DELETE, pulumirpc.PropertyDiff_DELETE_REPLACE
		change, changeReplace = pulumirpc.PropertyDiff_UPDATE, pulumirpc.PropertyDiff_UPDATE_REPLACE
	)
	type kinds = map[string]pulumirpc.PropertyDiff_Kind
	web := obj{
		"resourceGroupName": "rg", "containerAppName": "web", "location": "westeurope", "environmentId": rgPath("Microsoft.App/managedEnvironments/e"),
		"identity": obj{"type": "UserAssigned", "userAssignedIdentities": []any{"/a", "/b"}},
		"configuration": obj{"secrets": []any{obj{"name": "x", "value": "1"}, obj{"name": "y", "value": "2"}},
			"ingress": obj{"targetPort": 80.0}},
		"template": obj{"containers": []any{obj{"name": "c", "image": "i:1", "env": []any{obj{"name": "A", "value": "1"}}}}},
		"tags":     obj{"dev.envctl.instance": "mine"},
	}
	env := obj{"resourceGroupName": "rg", "environmentName": "e", "location": "westeurope", "zoneRedundant": false}
	reg := obj{"resourceGroupName": "rg", "registryName": "abcde", "location": "westeurope", "sku": obj{"name": "Basic"}}
	role := obj{"scope": "/subscriptions/s", "principalId": "p", "roleDefinitionId": "r", "roleAssignmentName": "0a1b2c3d-0000-4000-8000-000000000001"}
	acc := obj{"resourceGroupName": "rg", "accountName": "acc", "location": "westeurope", "kind": "OpenAI", "properties": obj{"customSubDomainName": "a"}}
	bud := obj{"scope": "/subscriptions/s", "budgetName": "b", "amount": 1.0, "category": "Cost", "timeGrain": "Monthly", "timePeriod": obj{"startDate": "2024-01-01"}}
	for name, c := range map[string]struct {
		token   string
		in      obj
		changes obj
		want    kinds
	}{
		"nothing":            {appToken, web, obj{}, kinds{}},
		"image":              {appToken, web, obj{"template.containers": []any{obj{"name": "c", "image": "i:2", "env": []any{obj{"name": "A", "value": "1"}}}}}, kinds{"template.containers[0].image": change}},
		"added env":          {appToken, web, obj{"template.containers": []any{obj{"name": "c", "image": "i:1", "env": []any{obj{"name": "A", "value": "1"}, obj{"name": "B"}}}}}, kinds{"template.containers[0].env[1]": add}},
		"removed env":        {appToken, web, obj{"template.containers": []any{obj{"name": "c", "image": "i:1", "env": []any{}}}}, kinds{"template.containers[0].env[0]": del}},
		"secrets reordered":  {appToken, web, obj{"configuration.secrets": []any{obj{"name": "y", "value": "2"}, obj{"name": "x", "value": "1"}}}, kinds{}},
		"secret changed":     {appToken, web, obj{"configuration.secrets": []any{obj{"name": "y", "value": "3"}, obj{"name": "x", "value": "1"}}}, kinds{"configuration.secrets[0].value": change}},
		"secret swapped":     {appToken, web, obj{"configuration.secrets": []any{obj{"name": "z", "value": "3"}, obj{"name": "y", "value": "2"}}}, kinds{"configuration.secrets[0]": change}},
		"identities sorted":  {appToken, web, obj{"identity.userAssignedIdentities": []any{"/b", "/a"}}, kinds{}},
		"identity added":     {appToken, web, obj{"identity.userAssignedIdentities": []any{"/b", "/a", "/c"}}, kinds{"identity.userAssignedIdentities[2]": add}},
		"tag":                {appToken, web, obj{"tags": obj{"dev.envctl.instance": "yours"}}, kinds{`tags["dev.envctl.instance"]`: change}},
		"default added":      {appToken, web, obj{"configuration.ingress.transport": "auto"}, kinds{}},
		"other than default": {appToken, web, obj{"configuration.ingress.transport": "http2"}, kinds{"configuration.ingress.transport": add}},
		"removed":            {appToken, web, obj{"identity": nil}, kinds{"identity": del}},
		"region spelt":       {appToken, web, obj{"location": "West Europe"}, kinds{}},
		"region":             {appToken, web, obj{"location": "uksouth"}, kinds{"location": changeReplace}},
		"group's case":       {appToken, web, obj{"resourceGroupName": "RG"}, kinds{}},
		"group":              {appToken, web, obj{"resourceGroupName": "other"}, kinds{"resourceGroupName": changeReplace}},
		"name":               {appToken, web, obj{"containerAppName": "web2"}, kinds{"containerAppName": changeReplace}},
		"ID's case":          {appToken, web, obj{"environmentId": strings.ToUpper(rgPath("Microsoft.App/managedEnvironments/e"))}, kinds{}},
		"environment":        {appToken, web, obj{"environmentId": "/other"}, kinds{"environmentId": changeReplace}},
		"no environment":     {appToken, web, obj{"environmentId": nil}, kinds{"environmentId": delReplace}},
		"managed too":        {appToken, web, obj{"managedEnvironmentId": "/other"}, kinds{"managedEnvironmentId": addReplace}},
		"zones":              {envToken, env, obj{"zoneRedundant": true}, kinds{"zoneRedundant": changeReplace}},
		"network":            {envToken, env, obj{"vnetConfiguration": obj{"internal": true}}, kinds{"vnetConfiguration": add}},
		"plan":               {regToken, reg, obj{"sku.name": "Premium"}, kinds{"sku.name": change}},
		"principal":          {roleToken, role, obj{"principalId": "q"}, kinds{"principalId": changeReplace}},
		"scope":              {roleToken, role, obj{"scope": "/subscriptions/t"}, kinds{"scope": changeReplace}},
		"scope's slash":      {roleToken, role, obj{"scope": "subscriptions/s"}, kinds{}},
		"role":               {roleToken, role, obj{"roleDefinitionId": "r2"}, kinds{"roleDefinitionId": change}},
		"kind":               {accToken, acc, obj{"kind": "AIServices"}, kinds{"kind": change}},
		"subdomain":          {accToken, acc, obj{"properties.customSubDomainName": "b"}, kinds{"properties.customSubDomainName": change}},
		"start":              {budToken, bud, obj{"timePeriod.startDate": "2024-02-01"}, kinds{"timePeriod.startDate": change}},
		"amount":             {budToken, bud, obj{"amount": 2.0}, kinds{"amount": change}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := resourceOf(t, testServer(t, newFake()), c.token, "n")
			must(t, r.create(c.in))
			d := r.diff(toMap(edit(c.in, c.changes)))
			got := kinds{}
			for path, pd := range d.GetDetailedDiff() {
				got[path] = pd.GetKind()
				if !pd.GetInputDiff() {
					t.Errorf("%s is not marked as a difference of inputs", path)
				}
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("differences %v, expected %v", got, c.want)
			}
			if some := d.GetChanges() == pulumirpc.DiffResponse_DIFF_SOME; some != (len(c.want) > 0) || !d.GetHasDetailedDiff() {
				t.Errorf("changes %v", d.GetChanges())
			}
			replaces := slices.ContainsFunc(slices.Collect(maps.Values(c.want)), func(k pulumirpc.PropertyDiff_Kind) bool { return k%2 == 1 })
			if replaces != (len(d.GetReplaces()) > 0) || replaces != d.GetDeleteBeforeReplace() {
				t.Errorf("replaces %v, delete before replace %v", d.GetReplaces(), d.GetDeleteBeforeReplace())
			}
		})
	}
}

// A name that was made allows a replacement before the deletion.
func TestDiffOfAutonamed(t *testing.T) {
	t.Parallel()
	r := resourceOf(t, testServer(t, newFake()), idToken, "id")
	in := obj{"resourceGroupName": "rg"}
	must(t, r.create(in))
	if d := r.diff(toMap(edit(in, obj{"location": "uksouth"}))); d.GetDeleteBeforeReplace() || len(d.GetReplaces()) != 1 {
		t.Errorf("replaces %v, delete before replace %v", d.GetReplaces(), d.GetDeleteBeforeReplace())
	}
	name := unpack(t, r.inputs).Get("resourceName").AsString()
	if d := r.diff(toMap(edit(in, obj{"resourceName": name, "location": "westeurope"}))); len(d.GetDetailedDiff()) > 0 {
		t.Errorf("writing out what was made is a change: %v", d.GetDetailedDiff())
	}
}

// Writing out a replacing property that Azure has already replaces nothing.
func TestDiffOfValueThatIsSo(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.shape = func(_ string, body obj) obj { sub(body)["zoneRedundant"] = true; return body }
	r := resourceOf(t, testServer(t, f), envToken, "e")
	in := obj{"resourceGroupName": "rg", "environmentName": "e"}
	must(t, r.create(in))
	d := r.diff(toMap(edit(in, obj{"zoneRedundant": true})))
	if d.GetDetailedDiff()["zoneRedundant"].GetKind() != pulumirpc.PropertyDiff_ADD || len(d.GetReplaces()) > 0 {
		t.Errorf("%v", d)
	}
}

// A value that is not known yet is an update, and a replacement where one would be.
func TestDiffOfUnknowns(t *testing.T) {
	t.Parallel()
	r := resourceOf(t, testServer(t, newFake()), appToken, "web")
	in := toMap(obj{"resourceGroupName": "rg", "containerAppName": "web", "environmentId": "/e", "workloadProfileName": "w"})
	must(t, r.createMap(in))
	unknown := property.New(property.Computed)
	d := r.diff(in.Set("workloadProfileName", unknown).Set("environmentId", unknown))
	if k := d.GetDetailedDiff()["workloadProfileName"].GetKind(); k != pulumirpc.PropertyDiff_UPDATE {
		t.Errorf("workloadProfileName: %v", k)
	}
	if k := d.GetDetailedDiff()["environmentId"].GetKind(); k != pulumirpc.PropertyDiff_UPDATE_REPLACE {
		t.Errorf("environmentId: %v", k)
	}
	// A mark alone is no difference.
	if d := r.diff(in.Set("workloadProfileName", property.New("w").WithSecret(true))); len(d.GetDetailedDiff()) > 0 {
		t.Errorf("a mark is a difference: %v", d.GetDetailedDiff())
	}
}

// Old inputs are found in the state where the engine does not send them.
func TestDiffWithoutOldInputs(t *testing.T) {
	t.Parallel()
	r := resourceOf(t, testServer(t, newFake()), idToken, "id")
	in := obj{"resourceGroupName": "rg", "resourceName": "one"}
	must(t, r.create(in))
	out, err := r.srv.Diff(t.Context(), &pulumirpc.DiffRequest{Id: r.id, Urn: r.urn, Olds: r.state, News: r.checked(toMap(in))})
	must(t, err)
	if len(out.GetDetailedDiff()) > 0 {
		t.Errorf("%v", out.GetDetailedDiff())
	}
}
