package azure_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/names"
)

// chain is the longest way from something that waits for nothing to a resource.
func chain(all map[string]made, name string, known map[string][]string) []string {
	if way, ok := known[name]; ok {
		return way
	}
	var longest []string
	for _, before := range all[name].After {
		if way := chain(all, before, known); len(way) > len(longest) {
			longest = way
		}
	}
	known[name] = append(slices.Clone(longest), name)
	return known[name]
}

// Nothing waits for what it does not need: with so many workloads and parts, the
// longest chain is that of the network, the environment and three apps that need
// each other.
func TestLongestChain(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"full": {"ResourceGroup group", "NetworkSecurityGroup security", "VirtualNetwork network", "ManagedEnvironment environment",
			"ContainerApp my-store", "ContainerApp api", "Job analyze"},
		"plain": {"ResourceGroup group", "NetworkSecurityGroup security", "VirtualNetwork network", "ManagedEnvironment environment",
			"ContainerApp web"},
		"firewall":    {"ResourceGroup group", "NetworkSecurityGroup security", "VirtualNetwork network", "AzureFirewall firewall", "ManagedEnvironment environment", "ContainerApp web"},
		"on-platform": {"ResourceGroup group", "UserAssignedIdentity store", "RoleAssignment store-pull", "ContainerApp store", "ContainerApp web"},
		"platform":    {"ResourceGroup group", "NetworkSecurityGroup security", "VirtualNetwork network", "ManagedEnvironment environment"},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _, err := scenarios()[name].run(t)
			if err != nil {
				t.Fatal(err)
			}
			all := map[string]made{}
			for _, r := range m.made {
				all[short(r.Type)+" "+r.Name] = r
			}
			var longest []string
			known := map[string][]string{}
			for _, one := range slices.Sorted(maps.Keys(all)) {
				if way := chain(all, one, known); len(way) > len(longest) {
					longest = way
				}
			}
			if len(longest) != len(want) {
				t.Errorf("the longest chain has %d resources, %q, expected %d, as %q", len(longest), longest, len(want), want)
			}
			if last := want[len(want)-1]; len(known[last]) != len(want) {
				t.Errorf("%s comes after %q, expected %q", last, known[last], want)
			}
		})
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	_, got, err := scenarios()["full"].run(t)
	if err != nil {
		t.Fatal(err)
	}
	image := func(name string) string { return "registry.azurecr.io/" + name + "@" + sum }
	const endpoint = "https://account.cognitiveservices.azure.com/"
	want := map[string]any{
		"apps": map[string]any{
			"api":      map[string]any{"url": "https://api.azurecontainerapps.io", "image": image("api")},
			"my-store": map[string]any{"url": "", "image": image("my-store")},
			"worker":   map[string]any{"url": "", "image": image("worker")},
		},
		"jobs":     map[string]any{"analyze": map[string]any{"image": image("analyze")}, "once": map[string]any{"image": image("once")}},
		"models":   map[string]any{"chat": endpoint, "embed": endpoint, "zeta": endpoint},
		"registry": "registry.azurecr.io", "environment": "exp-dev", "secret": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestASimulatedAddressIsPlain(t *testing.T) {
	t.Parallel()
	s := scenarios()["plain"]
	s.settings = func(set *azure.Settings) { set.Simulated = true }
	_, got, err := s.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if url := got["apps"].(map[string]any)["web"].(map[string]any)["url"]; url != "http://web.azurecontainerapps.io" {
		t.Errorf("url %v", url)
	}
}

// walk calls visit for every string of the inputs, and says whether it is secret.
func walk(path string, v resource.PropertyValue, secret bool, visit func(path, value string, secret bool)) {
	switch {
	case v.IsSecret():
		walk(path, v.SecretValue().Element, true, visit)
	case v.IsOutput():
		walk(path, v.OutputValue().Element, secret || v.OutputValue().Secret, visit)
	case v.IsObject():
		for key, value := range v.ObjectValue() {
			walk(path+"."+string(key), value, secret, visit)
		}
	case v.IsArray():
		for _, value := range v.ArrayValue() {
			walk(path+"[]", value, secret, visit)
		}
	case v.IsString():
		visit(path, v.StringValue(), secret)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	m, _, err := scenarios()["full"].run(t)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range m.made {
		walk(r.Name, resource.NewProperty(r.Inputs), false, func(path, value string, secret bool) {
			if strings.Contains(value, "value-of-") || value == "the-shared-key" || value == "the-account-key" {
				seen[value]++
				if !secret || !strings.HasSuffix(path, ".configuration.secrets[].value") && !strings.HasSuffix(path, ".sharedKey") && !strings.HasSuffix(path, ".azureFile.accountKey") {
					t.Errorf("%s holds %q in clear or in the wrong place", path, value)
				}
			}
		})
	}
	if want := map[string]int{"value-of-db": 1, "value-of-key": 1, "the-shared-key": 1, "the-account-key": 1}; !maps.Equal(seen, want) {
		t.Errorf("secrets %v, expected %v: a check that sees nothing holds nothing", seen, want)
	}
}

// Each identity may do this and nothing else.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	m, _, err := scenarios()["full"].run(t)
	if err != nil {
		t.Fatal(err)
	}
	got, guids := map[string][]string{}, map[string]bool{}
	for _, r := range m.made {
		if short(r.Type) != "RoleAssignment" {
			continue
		}
		in := r.Inputs
		if in["principalType"].StringValue() != "ServicePrincipal" || guids[in["roleAssignmentName"].StringValue()] {
			t.Errorf("%s: principal type %v, name %v", r.Name, in["principalType"], in["roleAssignmentName"])
		}
		guids[in["roleAssignmentName"].StringValue()] = true
		id := in["roleDefinitionId"].StringValue()
		if !strings.HasPrefix(id, "/subscriptions/"+subscription+"/providers/Microsoft.Authorization/roleDefinitions/") {
			t.Errorf("%s: role %s is not in the form that Azure echoes", r.Name, id)
		}
		role := map[string]string{azure.RoleAcrPull: "pull", azure.RoleOpenAIUser: "models"}[id[strings.LastIndex(id, "/")+1:]]
		who := strings.TrimPrefix(in["principalId"].StringValue(), "principal-of-")
		got[who] = append(got[who], role+" on "+in["scope"].StringValue())
	}
	for _, list := range got {
		slices.Sort(list)
	}
	const pull, models, group = "pull on /id/of/registry", "models on /id/of/models", " on /subscriptions/" + subscription + "/resourceGroups/envctl-exp-dev"
	want := map[string][]string{
		"api": {models, pull}, "analyze": {models, pull}, "my-store": {pull}, "worker": {pull}, "once": {pull},
		"steward-expire": {group, pull}, "steward-stop": {group, pull},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rights (-want +got):\n%s", diff)
	}
	actions := plain(m.get(t, "RoleDefinition", "steward-expire").Inputs["permissions"])
	wantActions := []any{map[string]any{"actions": []any{
		"Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Resources/subscriptions/resourceGroups/delete",
	}}}
	if diff := cmp.Diff(wantActions, actions); diff != "" {
		t.Errorf("actions of the steward that expires:\n%s", diff)
	}
}

// Every name in every program keeps Azure's rule for it, and everything that can
// have tags says whose it is.
func TestNamesAndTagsOfPrograms(t *testing.T) {
	t.Parallel()
	kinds := map[string]names.Kind{
		"containerAppName": names.KindApp, "jobName": names.KindApp, "environmentName": names.KindEnvironment,
		"registryName": names.KindRegistry, "workspaceName": names.KindWorkspace, "accountName": names.KindAccount,
		"deploymentName": names.KindDeployment, "budgetName": names.KindBudget, "actionGroupName": names.KindActionGroup,
		"resourceName": names.KindIdentity, "virtualNetworkName": names.KindNetwork, "networkSecurityGroupName": names.KindNetworkPart,
		"routeTableName": names.KindNetworkPart, "publicIpAddressName": names.KindNetworkPart, "azureFirewallName": names.KindFirewall,
		"roleAssignmentName": names.KindGUID, "roleName": names.KindRole, "repository": names.KindRepository, "resourceGroupName": names.KindResourceGroup,
		"shareName": names.KindShare, "storageName": names.KindVolume,
	}
	untagged := []string{"RandomPassword", "RoleAssignment", "RoleDefinition", "Budget", "Image", "Experiment", "FileShare", "ManagedEnvironmentsStorage"}
	for name, s := range scenarios() {
		m, _, err := s.run(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range m.made {
			for key, value := range r.Inputs {
				kind, ok := kinds[string(key)]
				if module(r.Type) == "storage" && key == "accountName" {
					kind = names.KindStorage
				}
				if ok {
					if err := names.Check(kind, value.StringValue()); err != nil {
						t.Errorf("%s, %s: %v", name, r.Name, err)
					}
				}
			}
			walk("", resource.NewProperty(r.Inputs), false, func(path, value string, _ bool) {
				if err := names.Check(names.KindSecret, value); strings.HasSuffix(path, ".secrets[].name") && err != nil {
					t.Errorf("%s, %s: %v", name, r.Name, err)
				}
			})
			if tags := r.Inputs["tags"]; slices.Contains(untagged, short(r.Type)) == tags.IsObject() {
				t.Errorf("%s, %s %s: tags %v", name, short(r.Type), r.Name, tags)
			} else if tags.IsObject() && (tags.ObjectValue()[azure.TagExperiment].StringValue() != "exp" || tags.ObjectValue()[azure.TagInstance].StringValue() != "dev") {
				t.Errorf("%s, %s: tags %v", name, r.Name, tags)
			}
			if strings.HasPrefix(r.Type, "azure-native:") && r.Version != "2.90.0" {
				t.Errorf("%s %s: version %q", r.Type, r.Name, r.Version)
			}
			if r.Type != components.ExperimentType && strings.HasPrefix(r.Type, "azure-native:") &&
				!slices.Contains(r.Aliases, "azure-native:"+module(r.Type)+":"+short(r.Type)) {
				t.Errorf("%s has no alias without a version: %q", r.Type, r.Aliases)
			}
		}
	}
}

// module is that of a type with a version: app of azure-native:app/v20240301:Job.
func module(token string) string {
	_, rest, _ := strings.Cut(token, ":")
	name, _, _ := strings.Cut(rest, "/")
	return name
}
