package armsim_test

import (
	"net/http"
	"testing"

	"github.com/envctl/envctl/components/azure/armsim"
)

// The network of an experiment without egress, and what is refused about it:
// learn.microsoft.com/azure/container-apps/networking and the service's InUse… codes.
func TestNetwork(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	c.group()
	const base = group + "/providers/Microsoft.Network/"
	rule := func(name string, priority int) object {
		return object{"name": name, "properties": object{
			"priority": priority, "direction": "Outbound", "access": "Deny", "protocol": "*",
			"sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "Internet", "destinationPortRange": "*",
		}}
	}
	try := func(path string, body object) error {
		_, err := c.poll(http.MethodPut, path, versionOf(path), body)
		return err
	}
	nsg := func(rules ...any) object {
		return object{"location": "swedencentral", "properties": object{"securityRules": rules}}
	}
	wantError(t, try(base+"networkSecurityGroups/nsg", nsg(rule("a", 50))), http.StatusBadRequest, "SecurityRuleInvalidPriority")
	wantError(t, try(base+"networkSecurityGroups/nsg", nsg(rule("a", 100), rule("b", 100))), http.StatusBadRequest, "SecurityRuleConflict")
	c.put(base+"networkSecurityGroups/nsg", nsg(rule("a", 100), rule("b", 110)))
	subnet := func(name, prefix string, more object) object {
		p := object{"addressPrefix": prefix}
		for key, value := range more {
			p[key] = value
		}
		return object{"name": name, "properties": p}
	}
	network := func(subnets ...any) object {
		return object{"location": "swedencentral", "properties": object{"addressSpace": object{"addressPrefixes": []any{"10.0.0.0/16"}}, "subnets": subnets}}
	}
	delegated := object{
		"networkSecurityGroup": object{"id": base + "networkSecurityGroups/nsg"},
		"delegations":          []any{object{"name": "app", "properties": object{"serviceName": "Microsoft.App/environments"}}},
	}
	vnet := base + "virtualNetworks/net"
	wantError(t, try(vnet, network(subnet("a", "10.1.0.0/24", nil))), http.StatusBadRequest, "NetcfgInvalidSubnet")
	wantError(t, try(vnet, network(subnet("a", "10.0.0.0/24", nil), subnet("b", "10.0.0.0/25", nil))), http.StatusBadRequest, "NetcfgSubnetRangesOverlap")
	wantError(t, try(vnet, network(subnet("a", "10.0.0.0/24", object{"routeTable": object{"id": base + "routeTables/none"}}))), http.StatusBadRequest, "InvalidResourceReference")
	c.put(vnet, network(subnet("apps", "10.0.0.0/27", delegated), subnet("AzureFirewallSubnet", "10.0.1.0/26", nil), subnet("plain", "10.0.2.0/24", nil)))

	env := func(subnet string) object {
		return object{"location": "swedencentral", "properties": object{
			"workloadProfiles":  []any{object{"name": "Consumption", "workloadProfileType": "Consumption"}},
			"vnetConfiguration": object{"internal": false, "infrastructureSubnetId": vnet + "/subnets/" + subnet},
		}}
	}
	wantError(t, try(envPath, env("none")), http.StatusBadRequest, "ManagedEnvironmentSubnetNotFound")
	wantError(t, try(envPath, env("plain")), http.StatusBadRequest, "ManagedEnvironmentSubnetDelegationError")
	c.put(envPath, env("apps"))
	_, err := c.do(t.Context(), http.MethodDelete, base+"networkSecurityGroups/nsg", "2024-01-01", nil)
	wantError(t, err, http.StatusBadRequest, "InUseNetworkSecurityGroupCannotBeDeleted")
	wantError(t, try(vnet, network(subnet("plain", "10.0.2.0/24", nil))), http.StatusBadRequest, "InUseSubnetCannotBeDeleted")

	c.put(base+"publicIPAddresses/ip", object{"location": "swedencentral", "sku": object{"name": "Standard"}, "properties": object{"publicIPAllocationMethod": "Static"}})
	firewall := c.put(base+"azureFirewalls/fw", object{"location": "swedencentral", "properties": object{"ipConfigurations": []any{
		object{"name": "a", "properties": object{"subnet": object{"id": vnet + "/subnets/AzureFirewallSubnet"}, "publicIPAddress": object{"id": base + "publicIPAddresses/ip"}}},
	}}})
	if got := text(firewall["properties"].(object)["ipConfigurations"].([]any)[0], "properties", "privateIPAddress"); got != "10.0.1.4" {
		t.Errorf("the firewall has %s", got)
	}
	list, err := c.get(group + "/resources")
	if err != nil || len(list["value"].([]any)) != 5 {
		t.Errorf("the group has %v, %v", list, err)
	}
	c.delete(group)
	if left, err := c.sim.Leftovers(); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
