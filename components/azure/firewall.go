package azure

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/azure/native"
	"github.com/envctl/envctl/components/plan"
)

// hosts are the hosts that the workloads may connect to, sorted; none where no
// firewall would enforce them.
func hosts(spec plan.Spec) []string {
	if spec.Azure == nil || !spec.Azure.Firewall {
		return nil
	}
	all := map[string]bool{}
	for _, w := range spec.Workloads {
		for _, host := range w.Egress {
			all[host] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// firewall lets out the hosts and what the platform needs, as Microsoft's article
// about Container Apps and Azure Firewall lists it.
func (e *environment) firewall(
	ctx *pulumi.Context, v *native.VirtualNetwork, l layout, egress []string,
) (pulumi.Resource, error) {
	address, err := native.NewPublicIPAddress(ctx, "firewall", native.PublicIPAddressArgs{
		Group: e.in("network", ""), Name: e.stack.Names.FirewallAddress,
	}, pulumi.Parent(e.parent))
	if err != nil {
		return nil, err
	}
	tags := []string{"AzureMonitor"}
	if stewardWorks(e.spec) {
		tags = append(tags, "AzureResourceManager")
	}
	if usesModels(e.spec) {
		tags = append(tags, "CognitiveServicesFrontend", "CognitiveServicesManagement")
	}
	slices.Sort(tags)
	network := []native.NetworkRule{
		{Name: "services", Destinations: tags, Protocols: []string{"TCP"}, Ports: []string{"443"}},
		{Name: "names", Destinations: []string{azureDNS}, Protocols: []string{"TCP", "UDP"}, Ports: []string{"53"}},
	}
	if mountsShares(e.spec) {
		network = append(network, native.NetworkRule{
			Name: "share", Destinations: []string{"Storage." + e.stack.Settings.Location}, Protocols: []string{"TCP"}, Ports: []string{smb},
		})
	}
	return native.NewAzureFirewall(ctx, "firewall", native.AzureFirewallArgs{
		Group: e.in("network", ""), Name: e.stack.Names.Firewall,
		Subnet: subnet(v, names.FirewallSubnet), PublicIP: address.ID().ToStringOutput(),
		SourceAddressList: []string{l.apps.String()},
		ApplicationRules:  append([]native.ApplicationRule{e.platformHosts()}, egressRules(egress)...),
		NetworkRules:      network,
	}, pulumi.Parent(e.parent))
}

// platformHosts are what Container Apps need in every experiment.
func (e *environment) platformHosts() native.ApplicationRule {
	cloud := e.stack.Settings.Cloud
	list := []string{
		"mcr.microsoft.com", "*.data.mcr.microsoft.com", "packages.aks.azure.com", "acs-mirror.azureedge.net",
		"*.identity.azure.net", "*." + or(cloud.BlobSuffix, "blob.core.windows.net"),
	}
	logins := cloud.LoginHosts
	if len(logins) == 0 {
		logins = []string{"login.microsoft.com", "*.login.microsoft.com", "login.microsoftonline.com", "*.login.microsoftonline.com"}
	}
	allowed := pulumi.StringArray{e.loginServer}
	for _, host := range append(list, logins...) {
		allowed = append(allowed, pulumi.String(host))
	}
	return native.ApplicationRule{Name: "platform", Hosts: allowed, Protocols: []native.Protocol{{Type: "Https", Port: 443}}}
}

// egressRules are one rule for each port that the hosts are named with. A host
// without one is reached by HTTP and HTTPS at their own ports.
func egressRules(egress []string) []native.ApplicationRule {
	byPort := map[int]pulumi.StringArray{}
	for _, entry := range egress {
		host, port, _ := strings.Cut(entry, ":")
		number, _ := strconv.Atoi(port) // 0: none; the reader of the definition has checked it
		byPort[number] = append(byPort[number], pulumi.String(host))
	}
	var out []native.ApplicationRule
	for _, port := range slices.Sorted(maps.Keys(byPort)) {
		rule := native.ApplicationRule{Name: "egress-" + strconv.Itoa(port), Hosts: byPort[port]}
		switch port {
		case 0:
			rule.Name = "egress"
			rule.Protocols = []native.Protocol{{Type: "Http", Port: 80}, {Type: "Https", Port: 443}}
		case 80:
			rule.Protocols = []native.Protocol{{Type: "Http", Port: port}}
		default:
			rule.Protocols = []native.Protocol{{Type: "Https", Port: port}}
		}
		out = append(out, rule)
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
