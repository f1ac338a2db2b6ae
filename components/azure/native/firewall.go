package native

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// PublicIPAddress is azure-native:network:PublicIPAddress.
type PublicIPAddress struct {
	pulumi.CustomResourceState
	IPAddress pulumi.StringPtrOutput `pulumi:"ipAddress"`
}

// PublicIPAddressArgs are its inputs: a static address of the Standard tier.
type PublicIPAddressArgs struct {
	Group
	Name string
}

// NewPublicIPAddress registers a static public address.
func NewPublicIPAddress(ctx *pulumi.Context, name string, args PublicIPAddressArgs, opts ...pulumi.ResourceOption) (*PublicIPAddress, error) {
	var out PublicIPAddress
	err := network("PublicIPAddress").register(ctx, name, args.in(pulumi.Map{
		"publicIpAddressName":      pulumi.String(args.Name),
		"publicIPAllocationMethod": pulumi.String("Static"),
		"publicIPAddressVersion":   pulumi.String("IPv4"),
		"sku":                      pulumi.Map{"name": pulumi.String("Standard"), "tier": pulumi.String("Regional")},
	}), &out, opts)
	return &out, err
}

// AzureFirewall is azure-native:network:AzureFirewall.
type AzureFirewall struct{ pulumi.CustomResourceState }

// AzureFirewallArgs are its inputs: the Standard tier with rules of its own.
type AzureFirewallArgs struct {
	Group
	Name              string
	Subnet, PublicIP  pulumi.StringInput // ids
	ApplicationRules  []ApplicationRule
	NetworkRules      []NetworkRule
	SourceAddressList []string // what every rule is for
}

// ApplicationRule allows hosts by name.
type ApplicationRule struct {
	Name      string
	Hosts     pulumi.StringArray // host or *.domain
	Protocols []Protocol
}

// Protocol is Http or Https at a port.
type Protocol struct {
	Type string
	Port int
}

// NetworkRule allows address ranges or service tags.
type NetworkRule struct {
	Name         string
	Destinations []string
	Protocols    []string // TCP, UDP
	Ports        []string
}

// NewAzureFirewall registers a firewall.
func NewAzureFirewall(ctx *pulumi.Context, name string, args AzureFirewallArgs, opts ...pulumi.ResourceOption) (*AzureFirewall, error) {
	var out AzureFirewall
	k := network("AzureFirewall")
	k.others = slices.DeleteFunc(k.others, func(v string) bool { return v < "v20180401" })
	err := k.register(ctx, name, args.in(pulumi.Map{
		"azureFirewallName": pulumi.String(args.Name),
		"sku":               pulumi.Map{"name": pulumi.String("AZFW_VNet"), "tier": pulumi.String("Standard")},
		"threatIntelMode":   pulumi.String("Deny"),
		"ipConfigurations": pulumi.Array{pulumi.Map{
			"name": pulumi.String("outbound"), "subnet": reference(args.Subnet), "publicIPAddress": reference(args.PublicIP),
		}},
		"applicationRuleCollections": collection("hosts", args.applicationRules()),
		"networkRuleCollections":     collection("platform", args.networkRules()),
	}), &out, opts)
	return &out, err
}

func collection(name string, rules pulumi.Array) pulumi.Array {
	return pulumi.Array{pulumi.Map{
		"name": pulumi.String(name), "priority": pulumi.Int(firstPriority),
		"action": pulumi.Map{"type": pulumi.String("Allow")}, "rules": rules,
	}}
}

func (a AzureFirewallArgs) applicationRules() pulumi.Array {
	rules := pulumi.Array{}
	for _, r := range a.ApplicationRules {
		protocols := pulumi.Array{}
		for _, p := range r.Protocols {
			protocols = append(protocols, pulumi.Map{"protocolType": pulumi.String(p.Type), "port": pulumi.Int(p.Port)})
		}
		rules = append(rules, pulumi.Map{
			"name": pulumi.String(r.Name), "protocols": protocols, "targetFqdns": r.Hosts,
			"sourceAddresses": pulumi.ToStringArray(a.SourceAddressList),
		})
	}
	return rules
}

func (a AzureFirewallArgs) networkRules() pulumi.Array {
	rules := pulumi.Array{}
	for _, r := range a.NetworkRules {
		rules = append(rules, pulumi.Map{
			"name": pulumi.String(r.Name), "protocols": pulumi.ToStringArray(r.Protocols),
			"destinationAddresses": pulumi.ToStringArray(r.Destinations), "destinationPorts": pulumi.ToStringArray(r.Ports),
			"sourceAddresses": pulumi.ToStringArray(a.SourceAddressList),
		})
	}
	return rules
}
