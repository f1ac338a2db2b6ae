// Command generate makes the key trees of package keytrees from the models that
// HashiCorp generates from Microsoft's Resource Manager specifications
// (go-azure-sdk/resource-manager, MPL-2.0). It reads the source of those models
// and keeps only key names, kinds and permitted values.
//
//	cd components/azure/armsim/keytrees/generate && go run .
//
// It is a module of its own because the models are 135 MB to download.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const models = "github.com/hashicorp/go-azure-sdk/resource-manager"

// roots are the checked bodies: file of the tree → package and model.
var roots = []struct{ file, pkg, model string }{
	{"containerApps", "containerapps/2024-03-01/containerapps", "ContainerApp"},
	{"jobs", "containerapps/2024-03-01/jobs", "Job"},
	{"jobExecutionTemplate", "containerapps/2024-03-01/jobs", "JobExecutionTemplate"},
	{"managedEnvironments", "containerapps/2024-03-01/managedenvironments", "ManagedEnvironment"},
	{"registries", "containerregistry/2023-07-01/registries", "Registry"},
	{"workspaces", "operationalinsights/2023-09-01/workspaces", "Workspace"},
	{"userAssignedIdentities", "managedidentity/2023-01-31/managedidentities", "Identity"},
	{"roleAssignments", "authorization/2022-04-01/roleassignments", "RoleAssignmentCreateParameters"},
	{"roleDefinitions", "authorization/2022-04-01/roledefinitions", "RoleDefinition"},
	{"accounts", "cognitive/2024-10-01/cognitiveservicesaccounts", "Account"},
	{"deployments", "cognitive/2024-10-01/deployments", "Deployment"},
	{"budgets", "consumption/2023-05-01/budgets", "Budget"},
	{"actionGroups", "insights/2023-01-01/actiongroupsapis", "ActionGroupResource"},
	{"virtualNetworks", "network/2024-01-01/virtualnetworks", "VirtualNetwork"},
	{"subnets", "network/2024-01-01/subnets", "Subnet"},
	{"networkSecurityGroups", "network/2024-01-01/networksecuritygroups", "NetworkSecurityGroup"},
	{"routeTables", "network/2024-01-01/routetables", "RouteTable"},
	{"publicIPAddresses", "network/2024-01-01/publicipaddresses", "PublicIPAddress"},
	{"azureFirewalls", "network/2024-01-01/azurefirewalls", "AzureFirewall"},
	{"firewallPolicies", "network/2024-01-01/firewallpolicies", "FirewallPolicy"},
	{"natGateways", "network/2024-01-01/natgateways", "NatGateway"},
	{"storageAccounts", "storage/2023-05-01/storageaccounts", "StorageAccountCreateParameters"},
	{"serviceSas", "storage/2023-05-01/storageaccounts", "ServiceSasParameters"},
	{"shares", "storage/2023-05-01/fileshares", "FileShare"},
	{"storages", "containerapps/2024-03-01/managedenvironmentsstorages", "ManagedEnvironmentStorage"},
	{"resourceGroups", "resources/2022-09-01/resourcegroups", "ResourceGroup"},
}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	out, err := exec.Command("go", "mod", "download", "-json", models).Output()
	if err != nil {
		return fmt.Errorf("download %s: %w", models, err)
	}
	var module struct{ Dir, Version string }
	if err := json.Unmarshal(out, &module); err != nil {
		return err
	}
	for _, root := range roots {
		p, err := load(filepath.Join(module.Dir, root.pkg))
		if err != nil {
			return err
		}
		defs := map[string]*node{}
		p.collect(root.model, defs)
		if defs[root.model] == nil {
			return fmt.Errorf("%s has no model %s", root.pkg, root.model)
		}
		file := filepath.Join("..", "trees", root.file+".json")
		if err := os.WriteFile(file, encode(root.pkg, module.Version, root.model, defs), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// encode writes one definition a line, so that a new version's changes can be read.
func encode(pkg, version, root string, defs map[string]*node) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"source\": %q, \"version\": %q, \"root\": %q, \"defs\": {\n", pkg, version, root)
	names := make([]string, 0, len(defs))
	for name := range defs {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	for i, name := range names {
		line, err := json.Marshal(defs[name])
		if err != nil {
			panic(err) // strings and maps of them
		}
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, "%q: %s%s\n", name, line, comma)
	}
	b.WriteString("}}\n")
	return b.Bytes()
}
