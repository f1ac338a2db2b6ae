package provider

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/envctl/envctl/components/azure/armsim/keytrees"
)

// everyType calls f with each resource type of each table.
func everyType(t *testing.T, f func(t *testing.T, rt *resourceType)) {
	t.Helper()
	files, err := fs.Glob(tableFiles, "tables/*.json")
	must(t, err)
	if len(files) != 20 {
		t.Errorf("%d tables, expected 20: %v", len(files), files)
	}
	for _, file := range files {
		module, api, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(file, "tables/"), ".json"), "@")
		tab, err := loadTable(module, api)
		must(t, err)
		for name, rt := range tab {
			t.Run(module+"@"+api+":"+name, func(t *testing.T) {
				t.Parallel()
				f(t, rt)
			})
		}
	}
}

func TestTablesAreWhole(t *testing.T) {
	t.Parallel()
	everyType(t, func(t *testing.T, rt *resourceType) {
		for _, name := range rt.path.params() {
			if p, ok := rt.props[name]; !ok || !p.in {
				t.Errorf("path parameter %q is no input", name)
			}
		}
		for name := range rt.replace {
			if _, ok := rt.props[name]; !ok {
				t.Errorf("replace names %q, which is no property", name)
			}
		}
		for name := range rt.top {
			if _, ok := rt.props[name]; !ok {
				t.Errorf("top names %q, which is no property", name)
			}
		}
		for _, name := range []string{"name", "type"} {
			if p, ok := rt.props[name]; !ok || p.in || !p.out {
				t.Errorf("%q is not an output", name)
			}
		}
		for _, path := range rt.same {
			if p, ok := rt.props[path[0]]; !ok || !p.in || !p.out {
				t.Errorf("same names %q, which is not both sent and returned", path[0])
			}
		}
	})
}

// Every token of the two spellings is found, with its own API version.
func TestTokens(t *testing.T) {
	t.Parallel()
	var ts tables
	for tok, api := range map[string]string{
		"resources:ResourceGroup": "2022-09-01", "resources/v20220901:ResourceGroup": "2022-09-01",
		"containerregistry:Registry": "2022-12-01", "containerregistry/v20230701:Registry": "2023-07-01",
		"operationalinsights:Workspace": "2022-10-01", "operationalinsights/v20230901:Workspace": "2023-09-01",
		"app:ManagedEnvironment": "2022-10-01", "app/v20240301:ManagedEnvironment": "2024-03-01",
		"app:ContainerApp": "2022-10-01", "app/v20240301:ContainerApp": "2024-03-01",
		"app:Job": "2023-04-01-preview", "app/v20230401preview:Job": "2023-04-01-preview", "app/v20240301:Job": "2024-03-01",
		"managedidentity:UserAssignedIdentity": "2023-01-31", "managedidentity/v20230131:UserAssignedIdentity": "2023-01-31",
		"authorization:RoleAssignment": "2022-04-01", "authorization/v20220401:RoleAssignment": "2022-04-01",
		"authorization:RoleDefinition": "2022-05-01-preview", "authorization/v20220401:RoleDefinition": "2022-04-01",
		"cognitiveservices:Account": "2023-05-01", "cognitiveservices/v20241001:Account": "2024-10-01",
		"cognitiveservices:Deployment": "2023-05-01", "cognitiveservices/v20241001:Deployment": "2024-10-01",
		"consumption:Budget": "2023-05-01", "consumption/v20230501:Budget": "2023-05-01",
		"insights:ActionGroup": "2023-01-01", "insights/v20230101:ActionGroup": "2023-01-01",
		"keyvault:Vault": "2023-02-01", "keyvault/v20230201:Vault": "2023-02-01",
		"network:VirtualNetwork": "2023-02-01", "network/v20240101:VirtualNetwork": "2024-01-01",
		"network:NetworkSecurityGroup": "2023-02-01", "network/v20240101:NetworkSecurityGroup": "2024-01-01",
		"network:RouteTable": "2023-02-01", "network/v20240101:RouteTable": "2024-01-01",
		"network:PublicIPAddress": "2023-02-01", "network/v20240101:PublicIPAddress": "2024-01-01",
		"storage:StorageAccount": "2022-09-01", "storage/v20230501:StorageAccount": "2023-05-01",
		"storage:FileShare": "2022-09-01", "storage/v20230501:FileShare": "2023-05-01",
		"app:ManagedEnvironmentsStorage": "2022-10-01", "app/v20240301:ManagedEnvironmentsStorage": "2024-03-01",
		"network:AzureFirewall": "2023-02-01", "network/v20240101:AzureFirewall": "2024-01-01",
	} {
		rt, err := ts.find("azure-native:" + tok)
		if err != nil {
			t.Errorf("%s: %v", tok, err)
		} else if rt.api != api {
			t.Errorf("%s has API version %s, expected %s", tok, rt.api, api)
		}
	}
	for _, tok := range []string{
		"azure-native:storage:BlobContainer", "azure-native:app/v20300101:ContainerApp", "azure-native:app:DaprComponent",
		"docker:index:Container", "azure-native:App:X",
	} {
		_, err := ts.find(tok)
		if err == nil || !strings.Contains(err.Error(), tok) {
			t.Errorf("%s: error %v does not name it", tok, err)
		}
	}
}

// treeOf is the name of Microsoft's model of a type: that of its path.
func treeOf(rt *resourceType) string {
	if name := rt.path[len(rt.path)-2]; name != "resourcegroups" {
		return name
	}
	return "resourceGroups"
}

// Whatever can be set is sent under the name and at the place that Microsoft's
// specifications give it, and nothing else is.
func TestBodiesMatchMicrosoftsSpecifications(t *testing.T) {
	t.Parallel()
	trees := keytrees.Load()
	seen := map[string]bool{}
	var ts tables
	for _, tok := range []string{
		"app/v20240301:ManagedEnvironment", "app/v20240301:ContainerApp", "app/v20240301:Job", "resources/v20220901:ResourceGroup",
		"containerregistry/v20230701:Registry", "operationalinsights/v20230901:Workspace",
		"managedidentity/v20230131:UserAssignedIdentity", "authorization/v20220401:RoleAssignment",
		"authorization/v20220401:RoleDefinition", "cognitiveservices/v20241001:Account", "cognitiveservices/v20241001:Deployment",
		"consumption/v20230501:Budget", "insights/v20230101:ActionGroup", "network/v20240101:VirtualNetwork",
		"network/v20240101:NetworkSecurityGroup", "network/v20240101:RouteTable", "network/v20240101:PublicIPAddress",
		"network/v20240101:AzureFirewall", "storage/v20230501:StorageAccount", "storage/v20230501:FileShare",
		"app/v20240301:ManagedEnvironmentsStorage",
	} {
		rt, err := ts.find("azure-native:" + tok)
		must(t, err)
		seen[rt.token] = true
		body, err := rt.body(fullInputs(rt))
		must(t, err)
		problems, err := trees.Check(treeOf(rt), clone(body))
		must(t, err)
		for _, p := range problems {
			if !strings.Contains(p.Text, "must be one of") { // the values are placeholders
				t.Errorf("%s: %s: %s", tok, p.Path, p.Text)
			}
		}
		if rt.sendsProperties() && len(body[propertiesKey].(map[string]any)) == 0 {
			t.Errorf("%s: the body is empty", tok)
		}
	}
	if len(seen) != 21 {
		t.Errorf("%d types were looked at", len(seen))
	}
}

// fullInputs sets everything that a type takes.
func fullInputs(rt *resourceType) property.Map { return fullObject(&rt.object, 4) }

func fullObject(o *object, depth int) property.Map {
	out := map[string]property.Value{}
	for name, p := range o.props {
		if !p.in || depth == 0 && p.holdsValues() {
			continue
		}
		out[name] = fullValue(p.shape, depth)
	}
	return property.NewMap(out)
}

func fullValue(s shape, depth int) property.Value {
	switch s.kind {
	case kindBool:
		return property.New(true)
	case kindInt:
		return property.New(7.0)
	case kindNumber:
		return property.New(0.5)
	case kindList:
		return property.New([]property.Value{fullValue(*s.elem, depth)})
	case kindMap:
		return property.New(map[string]property.Value{"key": fullValue(*s.elem, depth)})
	case kindObject:
		return property.New(fullObject(s.object, depth-1))
	case kindIDSet:
		return property.New([]property.Value{property.New("/subscriptions/s/id")})
	}
	return property.New("text")
}
