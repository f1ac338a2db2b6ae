package azure

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/azure/native"
)

// defaultNetwork is far from the ranges that Container Apps keeps for itself
// (100.100.0.0/16, 169.254.0.0/16, 172.30.0.0/15, 192.0.2.0/24) and has room for
// the /27 that an environment needs and the /26 that a firewall needs.
const defaultNetwork = "10.20.0.0/23"

// layout is how the address range is divided.
type layout struct {
	network, apps, firewall netip.Prefix
	// gateway is the firewall's own address: Azure keeps the first four of a
	// subnet and gives the next one to the firewall.
	gateway netip.Addr
}

// divide gives the apps the whole range, or its first half where a firewall gets
// the start of the second.
func divide(network string, firewall bool) (layout, error) {
	if network == "" {
		network = defaultNetwork
	}
	prefix, err := netip.ParsePrefix(network)
	if err != nil || !prefix.Addr().Is4() {
		return layout{}, fmt.Errorf("address range %q is not an IPv4 range as %s", network, defaultNetwork)
	}
	l := layout{network: prefix.Masked(), apps: prefix.Masked()}
	if !firewall {
		return l, nil
	}
	const firewallBits, most = 26, 25 // half of a /25 is a /26
	if prefix.Bits() > most {
		return layout{}, fmt.Errorf("address range %q has no room for a firewall: take a /%d or larger", network, most)
	}
	l.apps = netip.PrefixFrom(l.network.Addr(), prefix.Bits()+1)
	second := offset(l.network.Addr(), 1<<(32-l.apps.Bits()))
	l.firewall = netip.PrefixFrom(second, firewallBits)
	l.gateway = offset(second, 4)
	return l, nil
}

func offset(a netip.Addr, by uint32) netip.Addr {
	b := a.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n += by
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// network is what an environment is put into.
type network struct {
	subnet pulumi.StringOutput // id
	ready  []pulumi.Resource   // without which nothing gets out
}

func (e *environment) network(ctx *pulumi.Context) (network, error) {
	egress := hosts(e.spec)
	l, err := divide(addressRange(e.spec.Shared), len(egress) > 0)
	if err != nil {
		return network{}, err
	}
	group, err := native.NewNetworkSecurityGroup(ctx, "security", native.NetworkSecurityGroupArgs{
		Group: e.in("network", ""), Name: e.stack.Names.SecurityGroup,
		Rules: rules(e.spec, e.stack.Settings.Location, l.apps.String()),
	}, pulumi.Parent(e.parent))
	if err != nil {
		return network{}, err
	}
	apps := native.Subnet{
		Name: names.Subnet, AddressPrefix: l.apps.String(), Delegation: native.SubnetDelegation,
		SecurityGroup: group.ID().ToStringOutput(),
	}
	args := native.VirtualNetworkArgs{Group: e.in("network", ""), Name: e.stack.Names.Network, AddressPrefix: l.network.String()}
	if len(egress) == 0 {
		args.Subnets = []native.Subnet{apps}
		v, err := native.NewVirtualNetwork(ctx, "network", args, pulumi.Parent(e.parent))
		return network{subnet: subnet(v, names.Subnet)}, err
	}
	routes, err := native.NewRouteTable(ctx, "routes", native.RouteTableArgs{
		Group: e.in("network", ""), Name: e.stack.Names.RouteTable, NextHop: l.gateway.String(),
	}, pulumi.Parent(e.parent))
	if err != nil {
		return network{}, err
	}
	apps.RouteTable = routes.ID().ToStringOutput()
	args.Subnets = []native.Subnet{apps, {Name: names.FirewallSubnet, AddressPrefix: l.firewall.String()}}
	v, err := native.NewVirtualNetwork(ctx, "network", args, pulumi.Parent(e.parent))
	if err != nil {
		return network{}, err
	}
	firewall, err := e.firewall(ctx, v, l, egress)
	return network{subnet: subnet(v, names.Subnet), ready: []pulumi.Resource{firewall}}, err
}

func subnet(v *native.VirtualNetwork, name string) pulumi.StringOutput {
	return pulumi.Sprintf("%s/subnets/%s", v.ID(), name)
}
