package rp

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

const (
	networks  = "Microsoft.Network/virtualNetworks"
	groups    = "Microsoft.Network/networkSecurityGroups"
	routes    = "Microsoft.Network/routeTables"
	addresses = "Microsoft.Network/publicIPAddresses"
	firewalls = "Microsoft.Network/azureFirewalls"
	policies  = "Microsoft.Network/firewallPolicies"
	gateways  = "Microsoft.Network/natGateways"
)

// networkTypes have the names of
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
// and the general limits of the specification; the codes InUse… and NetcfgInvalidSubnet
// are the service's own.
func networkTypes() []*Type {
	make := func(name, tree string, check func(*Call) *answer.Error, fill func(*Call)) *Type {
		t := &Type{
			Name: name, Tree: tree, Located: true, Put: Async, Delete: Location, Check: check, Removable: networkInUse,
			Versions: []string{"2023-09-01", "2023-11-01", "2024-01-01", "2024-03-01", "2024-05-01"},
			BusyError: func(_ *store.Operation, name string) *answer.Error {
				return answer.Errorf(http.StatusConflict, "AnotherOperationInProgress", "Another operation on this or dependent resource is in progress (%s). To retrieve status of the operation use uri in the Azure-AsyncOperation header.", name)
			},
			Fill: func(c *Call) {
				c.keep("resourceGuid", c.guid)
				c.New.Body["etag"] = `W/"` + c.guid().(string) + `"`
				if fill != nil {
					fill(c)
				}
			},
		}
		t.Pattern, t.NameError = named(`^[a-zA-Z0-9]([\w.-]{0,78}\w)?$`, "InvalidResourceName",
			"Resource name '%s' is invalid. The name can be up to 80 characters long. It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'.")
		return t
	}
	return []*Type{
		make(networks, "virtualNetworks", checkNetwork, func(c *Call) { ids(c.New, "subnets", "virtualNetworkPeerings") }),
		make(groups, "networkSecurityGroups", checkRules, func(c *Call) { ids(c.New, "securityRules") }),
		make(routes, "routeTables", checkRoutes, func(c *Call) { ids(c.New, "routes") }),
		make(addresses, "publicIPAddresses", checkAddress, fillAddress),
		make(firewalls, "azureFirewalls", checkFirewall, fillFirewall),
		make(policies, "firewallPolicies", nil, nil),
		make(gateways, "natGateways", nil, nil),
	}
}

// ids gives the members of arrays their ids and states, as the service does.
func ids(r *store.Resource, keys ...string) {
	for _, key := range keys {
		for _, item := range items(r.Body, "properties", key) {
			item["id"] = r.ID + "/" + key + "/" + text(item, "name")
			props(item)["provisioningState"] = Succeeded
		}
	}
}

func checkNetwork(c *Call) *answer.Error {
	var space []netip.Prefix
	list, _ := at(c.Body, "properties", "addressSpace", "addressPrefixes").([]any)
	for _, one := range list {
		prefix, err := netip.ParsePrefix(one.(string))
		if err != nil {
			return invalid("InvalidAddressPrefixFormat", "Address prefix '%v' of the network '%s' has an invalid format.", one, c.Path.Name())
		}
		space = append(space, prefix)
	}
	if len(space) == 0 {
		return invalid("VnetAddressSpaceNotSpecified", "The virtual network '%s' has no address space.", c.Path.Name())
	}
	var seen []netip.Prefix
	for _, s := range items(c.Body, "properties", "subnets") {
		prefix, ok := subnetPrefix(s)
		if !ok {
			return invalid("InvalidAddressPrefixFormat", "Address prefix '%s' of the subnet '%s' has an invalid format.", text(s, "properties", "addressPrefix"), text(s, "name"))
		}
		inside := false
		for _, p := range space {
			inside = inside || p.Bits() <= prefix.Bits() && p.Contains(prefix.Addr())
		}
		if !inside {
			return invalid("NetcfgInvalidSubnet", "Subnet '%s' is not valid because its IP address range is outside the IP address range of virtual network '%s'.", text(s, "name"), c.Path.Name())
		}
		for _, other := range seen {
			if other.Overlaps(prefix) {
				return invalid("NetcfgSubnetRangesOverlap", "Subnet '%s' is not valid because its IP address range overlaps with that of an existing subnet in virtual network '%s'.", text(s, "name"), c.Path.Name())
			}
		}
		seen = append(seen, prefix)
		for _, key := range []string{"networkSecurityGroup", "routeTable", "natGateway"} {
			if id := text(s, "properties", key, "id"); id != "" && c.State.Get(id) == nil {
				return invalid("InvalidResourceReference", "Resource %s referenced by resource %s was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.", id, c.Path.ID())
			}
		}
	}
	return c.removedSubnets()
}

// removedSubnets: one that an environment is in cannot be left out.
func (c *Call) removedSubnets() *answer.Error {
	if c.Old == nil {
		return nil
	}
	have := map[string]bool{}
	for _, s := range items(c.Body, "properties", "subnets") {
		have[strings.ToLower(c.Old.ID+"/subnets/"+text(s, "name"))] = true
	}
	for _, env := range c.State.OfType(environments) {
		id := strings.ToLower(text(env.Body, "properties", "vnetConfiguration", "infrastructureSubnetId"))
		if strings.HasPrefix(id, strings.ToLower(c.Old.ID)+"/subnets/") && !have[id] {
			return invalid("InUseSubnetCannotBeDeleted", "Subnet %s is in use by %s and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet.", lastSegment(id), env.ID)
		}
	}
	return nil
}

// subnet finds a subnet by its id.
func (c *Call) subnet(id string) Object {
	i := strings.LastIndex(strings.ToLower(id), "/subnets/")
	if i < 0 {
		return nil
	}
	network := c.State.Get(id[:i])
	if network == nil {
		return nil
	}
	for _, s := range items(network.Body, "properties", "subnets") {
		if strings.EqualFold(text(s, "name"), lastSegment(id)) {
			return s
		}
	}
	return nil
}

func subnetPrefix(subnet Object) (netip.Prefix, bool) {
	written := text(subnet, "properties", "addressPrefix")
	if list, _ := at(subnet, "properties", "addressPrefixes").([]any); written == "" && len(list) > 0 {
		written, _ = list[0].(string)
	}
	prefix, err := netip.ParsePrefix(written)
	return prefix, err == nil
}

func checkRules(c *Call) *answer.Error {
	type key struct {
		priority  float64
		direction string
	}
	seen := map[key]string{}
	for _, r := range items(c.Body, "properties", "securityRules") {
		priority, _ := number(r, "properties", "priority")
		name := text(r, "name")
		if priority < 100 || priority > 4096 {
			return invalid("SecurityRuleInvalidPriority", "Security rule has invalid Priority. Value provided: %v Allowed range 100-4096. Rule: %s.", priority, name)
		}
		k := key{priority, strings.ToLower(text(r, "properties", "direction"))}
		if other := seen[k]; other != "" {
			return invalid("SecurityRuleConflict", "Security rule %s conflicts with rule %s. Rules cannot have the same Priority and Direction.", name, other)
		}
		seen[k] = name
		for _, side := range []string{"source", "destination"} {
			one, many := text(r, "properties", side+"AddressPrefix"), at(r, "properties", side+"AddressPrefixes")
			if one == "" && many == nil && at(r, "properties", side+"ApplicationSecurityGroups") == nil {
				return invalid("SecurityRuleParameterNotSpecified", "Required security rule parameters are missing for security rule with name %s. Security rule must specify %sAddressPrefixes, %sAddressPrefix, or %sApplicationSecurityGroups.", name, side, side, side)
			}
			if text(r, "properties", side+"PortRange") == "" && at(r, "properties", side+"PortRanges") == nil {
				return invalid("SecurityRuleParameterNotSpecified", "Required security rule parameters are missing for security rule with name %s. Security rule must specify %sPortRange or %sPortRanges.", name, side, side)
			}
		}
	}
	return nil
}

func checkRoutes(c *Call) *answer.Error {
	for _, r := range items(c.Body, "properties", "routes") {
		hop, address := text(r, "properties", "nextHopType"), text(r, "properties", "nextHopIpAddress")
		if (hop == "VirtualAppliance") != (address != "") {
			return invalid("InvalidRequestFormat", "The route '%s' has nextHopType '%s' and nextHopIpAddress '%s': an address is needed with VirtualAppliance, and only with it.", text(r, "name"), hop, address)
		}
	}
	return nil
}

func checkAddress(c *Call) *answer.Error {
	if text(c.Body, "sku", "name") == "Standard" && !strings.EqualFold(text(c.Body, "properties", "publicIPAllocationMethod"), "Static") {
		return invalid("StandardSkuPublicIPAddressMustBeStatic", "Standard sku publicIp %s must have AllocationMethod set to Static.", c.Path.ID())
	}
	return nil
}

func fillAddress(c *Call) {
	c.keep("ipAddress", func() any { return "203.0.113.30" })
	standard(props(c.New.Body), "publicIPAddressVersion", "IPv4")
}

func checkFirewall(c *Call) *answer.Error {
	configs := items(c.Body, "properties", "ipConfigurations")
	if len(configs) == 0 && at(c.Body, "properties", "virtualHub") == nil {
		return invalid("AzureFirewallNoIpConfigurations", "The firewall '%s' has no IP configuration.", c.Path.Name())
	}
	for _, conf := range configs {
		id := text(conf, "properties", "subnet", "id")
		if id != "" && (c.subnet(id) == nil || !strings.EqualFold(lastSegment(id), "AzureFirewallSubnet")) {
			return invalid("AzureFirewallInvalidSubnet", "The firewall '%s' must be in a subnet that exists and is called AzureFirewallSubnet; it is '%s'.", c.Path.Name(), id)
		}
		if id := text(conf, "properties", "publicIPAddress", "id"); id != "" && c.State.Get(id) == nil {
			return invalid("InvalidResourceReference", "Resource %s referenced by resource %s was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.", id, c.Path.ID())
		}
	}
	return nil
}

func fillFirewall(c *Call) {
	for _, conf := range items(c.New.Body, "properties", "ipConfigurations") {
		conf["id"] = c.New.ID + "/azureFirewallIpConfigurations/" + text(conf, "name")
		subnet := c.subnet(text(conf, "properties", "subnet", "id"))
		if prefix, ok := subnetPrefix(subnet); ok {
			address := prefix.Masked().Addr()
			for range 4 { // the first four addresses of a subnet are the service's own
				address = address.Next()
			}
			props(conf)["privateIPAddress"] = address.String()
		}
		props(conf)["provisioningState"] = Succeeded
	}
	standard(props(c.New.Body), "sku", Object{"name": "AZFW_VNet", "tier": "Standard"})
	standard(props(c.New.Body), "threatIntelMode", "Alert")
}

// networkInUse finds who refers to the resource: nothing in use can be deleted.
func networkInUse(c *Call) *answer.Error {
	id := strings.ToLower(c.Old.ID)
	for _, typ := range []string{networks, firewalls, environments, gateways} {
		for _, r := range c.State.OfType(typ) {
			if r != c.Old && refers(r.Body, id) {
				kind := lastSegment(c.Old.Type)
				return invalid("InUse"+strings.ToUpper(kind[:1])+strings.TrimSuffix(kind[1:], "s")+"CannotBeDeleted", "%s %s cannot be deleted because it is in use by the following resource: %s.", lastSegment(c.Old.Type), c.Old.Name, r.ID)
			}
		}
	}
	return nil
}

// refers looks for the id, or one below it, among the strings of a body.
func refers(value any, id string) bool {
	switch value := value.(type) {
	case string:
		return strings.EqualFold(value, id) || strings.HasPrefix(strings.ToLower(value), id+"/")
	case Object:
		for key, member := range value {
			if key != "id" && refers(member, id) || key == "id" && len(value) == 1 && refers(member, id) {
				return true
			}
		}
	case []any:
		for _, member := range value {
			if refers(member, id) {
				return true
			}
		}
	}
	return false
}
