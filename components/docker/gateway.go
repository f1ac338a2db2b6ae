package docker

import (
	"fmt"

	sdk "github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/sandbox"
)

// outside is the engine's own network that gateways publish ports from. Their
// listeners answer the host alone (protocol.Ingress.HostOnly), so that other
// containers on it reach nothing, and an experiment needs no second network.
const outside = "bridge"

const (
	gatewayCPU  = 0.5 // cores; it copies bytes
	gatewayUser = 65532
)

// GatewayProfile is the hardening of the gateway's container; false where the
// plan needs none. interfaces says that the engine takes kernel settings of one
// network interface.
func GatewayProfile(spec plan.Spec, interfaces bool) (sandbox.Profile, bool) {
	if _, needed := gateway.ConfigFor(spec); !needed {
		return sandbox.Profile{}, false
	}
	w := plan.Workload{User: gatewayUser, CPU: gatewayCPU, Memory: gateway.MemoryLimit}
	// The inner network comes first: it has the alias, and an engine that takes one
	// network at creation takes no alias on the outer one.
	profile := sandbox.New(sandbox.Gateway, w, NetworkName(spec.Experiment, spec.Instance), outside)
	profile.Sysctls = gateway.Sysctls(interfaces)
	return profile, true
}

// Routes says at which port of the gateway each public app is found.
func Routes(spec plan.Spec) map[string]int {
	out := map[string]int{}
	config, _ := gateway.ConfigFor(spec)
	for _, r := range config.Ingress.Routes {
		out[r.App] = r.Listen
	}
	return out
}

func (s *Sandbox) addGateway(
	ctx *pulumi.Context, env *environment, config protocol.Config, parent pulumi.Resource,
) error {
	encoded, err := config.Encode()
	if err != nil {
		return err
	}
	image, err := remoteImage(ctx, Gateway, s.GatewayRef, parent)
	if err != nil {
		return fmt.Errorf("image of the gateway: %w", err)
	}
	profile, _ := GatewayProfile(env.spec, s.InterfaceSysctls)
	args := hardened(profile)
	args.Name = pulumi.String(ContainerName(env.spec.Experiment, env.spec.Instance, Gateway))
	args.Image = pulumi.String(s.GatewayRef)
	args.Hostname = pulumi.String(Gateway)
	args.Envs = pulumi.StringArray{pulumi.String(protocol.EnvConfig + "=" + encoded)}
	args.NetworksAdvanced = sdk.ContainerNetworksAdvancedArray{
		sdk.ContainerNetworksAdvancedArgs{Name: env.network.Name, Aliases: pulumi.ToStringArray([]string{Gateway})},
		sdk.ContainerNetworksAdvancedArgs{Name: pulumi.String(outside)},
	}
	env.routes = Routes(env.spec)
	var ports sdk.ContainerPortArray
	for _, r := range config.Ingress.Routes {
		ports = append(ports, sdk.ContainerPortArgs{
			Internal: pulumi.Int(r.Listen), Ip: pulumi.String("127.0.0.1"), Protocol: pulumi.String("tcp"),
		})
	}
	args.Ports = ports
	addLabels(args, Labels(env.spec, Gateway, Gateway))
	env.gateway, err = sdk.NewContainer(ctx, Gateway, args, pulumi.Parent(parent), pulumi.DependsOn([]pulumi.Resource{image}))
	return err
}
