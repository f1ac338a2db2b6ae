package native

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// The directions of a Rule.
const (
	Inbound  = "Inbound"
	Outbound = "Outbound"
)

// Rule is one rule of a network security group.
type Rule struct {
	Name, Description string
	Direction         string // Inbound or Outbound
	Deny              bool
	Protocol          string // Tcp, Udp or *
	From, To          string // address ranges or service tags
	Ports             []string
}

// NetworkSecurityGroup is azure-native:network:NetworkSecurityGroup.
type NetworkSecurityGroup struct{ pulumi.CustomResourceState }

// NetworkSecurityGroupArgs are its inputs. Rules of each direction are in order
// of precedence.
type NetworkSecurityGroupArgs struct {
	Group
	Name  string
	Rules []Rule
}

const (
	firstPriority = 100
	lastPriority  = 4096 // of a rule that denies the rest
)

// NewNetworkSecurityGroup registers a group with its rules.
func NewNetworkSecurityGroup(
	ctx *pulumi.Context, name string, args NetworkSecurityGroupArgs, opts ...pulumi.ResourceOption,
) (*NetworkSecurityGroup, error) {
	rules, next := pulumi.Array{}, map[string]int{}
	for _, r := range args.Rules {
		priority := firstPriority + 10*next[r.Direction]
		next[r.Direction]++
		if r.Deny {
			priority = lastPriority
		}
		rules = append(rules, r.props(priority))
	}
	var out NetworkSecurityGroup
	err := network("NetworkSecurityGroup").register(ctx, name, args.in(pulumi.Map{
		"networkSecurityGroupName": pulumi.String(args.Name), "securityRules": rules,
	}), &out, opts)
	return &out, err
}

func (r Rule) props(priority int) pulumi.Map {
	access := "Allow"
	if r.Deny {
		access = "Deny"
	}
	out := pulumi.Map{
		"name": pulumi.String(r.Name), "description": pulumi.String(r.Description),
		"access": pulumi.String(access), "direction": pulumi.String(r.Direction), "priority": pulumi.Int(priority),
		"protocol": pulumi.String(r.Protocol), "sourceAddressPrefix": pulumi.String(r.From),
		"sourcePortRange": pulumi.String("*"), "destinationAddressPrefix": pulumi.String(r.To),
	}
	if len(r.Ports) == 1 {
		out["destinationPortRange"] = pulumi.String(r.Ports[0])
	} else {
		out["destinationPortRanges"] = pulumi.ToStringArray(r.Ports)
	}
	return out
}
