package native

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func network(name string) kind {
	return kind{module: "network", version: "v20240101", name: name, others: networkVersions()}
}

// networkVersions are the API versions that the module has had, oldest first.
func networkVersions() []string {
	return []string{
		"v20150501preview", "v20150615", "v20160330", "v20160601", "v20160901", "v20161201", "v20170301",
		"v20170601", "v20170801", "v20170901", "v20171001", "v20171101", "v20180101", "v20180201", "v20180401",
		"v20180601", "v20180701", "v20180801", "v20181001", "v20181101", "v20181201", "v20190201", "v20190401",
		"v20190601", "v20190701", "v20190801", "v20190901", "v20191101", "v20191201", "v20200301", "v20200401",
		"v20200501", "v20200601", "v20200701", "v20200801", "v20201101", "v20210201", "v20210301", "v20210501",
		"v20210801", "v20220101", "v20220501", "v20220701", "v20220901", "v20221101", "v20230201", "v20230401",
		"v20230501", "v20230601", "v20230901", "v20231101", "v20240301", "v20240501",
	}
}

// SubnetDelegation gives a subnet to Container Apps.
const SubnetDelegation = "Microsoft.App/environments"

// Subnet is one subnet of a network. The references may be nil.
type Subnet struct {
	Name, AddressPrefix       string
	Delegation                string // as Microsoft.App/environments; empty: none
	SecurityGroup, RouteTable pulumi.StringInput
}

// VirtualNetwork is azure-native:network:VirtualNetwork.
type VirtualNetwork struct {
	pulumi.CustomResourceState
	Name pulumi.StringOutput `pulumi:"name"`
}

// VirtualNetworkArgs are its inputs.
type VirtualNetworkArgs struct {
	Group
	Name, AddressPrefix string
	Subnets             []Subnet
}

// NewVirtualNetwork registers a network with its subnets.
func NewVirtualNetwork(ctx *pulumi.Context, name string, args VirtualNetworkArgs, opts ...pulumi.ResourceOption) (*VirtualNetwork, error) {
	subnets := pulumi.Array{}
	for _, s := range args.Subnets {
		subnets = append(subnets, s.props())
	}
	var out VirtualNetwork
	err := network("VirtualNetwork").register(ctx, name, args.in(pulumi.Map{
		"virtualNetworkName":   pulumi.String(args.Name),
		"addressSpace":         pulumi.Map{"addressPrefixes": pulumi.ToStringArray([]string{args.AddressPrefix})},
		"subnets":              subnets,
		"enableDdosProtection": pulumi.Bool(false),
		"enableVmProtection":   pulumi.Bool(false),
	}), &out, opts)
	return &out, err
}

func (s Subnet) props() pulumi.Map {
	out := pulumi.Map{
		"name":          pulumi.String(s.Name),
		"addressPrefix": pulumi.String(s.AddressPrefix),
	}
	if s.Delegation != "" {
		out["delegations"] = pulumi.Array{pulumi.Map{
			"name": pulumi.String("delegation"), "serviceName": pulumi.String(s.Delegation),
		}}
	}
	if s.SecurityGroup != nil {
		out["networkSecurityGroup"] = reference(s.SecurityGroup)
	}
	if s.RouteTable != nil {
		out["routeTable"] = reference(s.RouteTable)
	}
	return out
}

// RouteTable is azure-native:network:RouteTable.
type RouteTable struct{ pulumi.CustomResourceState }

// RouteTableArgs are its inputs: one route for everything, to an appliance.
type RouteTableArgs struct {
	Group
	Name, NextHop string
}

// NewRouteTable registers a table that sends all outbound traffic to NextHop.
func NewRouteTable(ctx *pulumi.Context, name string, args RouteTableArgs, opts ...pulumi.ResourceOption) (*RouteTable, error) {
	var out RouteTable
	err := network("RouteTable").register(ctx, name, args.in(pulumi.Map{
		"routeTableName":             pulumi.String(args.Name),
		"disableBgpRoutePropagation": pulumi.Bool(true),
		"routes": pulumi.Array{pulumi.Map{
			"name": pulumi.String("outbound"), "addressPrefix": pulumi.String("0.0.0.0/0"),
			"nextHopType": pulumi.String("VirtualAppliance"), "nextHopIpAddress": pulumi.String(args.NextHop),
		}},
	}), &out, opts)
	return &out, err
}
