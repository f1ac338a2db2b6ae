package docker

import (
	"fmt"

	sdk "github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
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
	config, needed := gateway.ConfigFor(spec)
	if !needed {
		return sandbox.Profile{}, false
	}
	w := plan.Workload{User: gatewayUser, CPU: gatewayCPU, Memory: gateway.MemoryLimit}
	// The inner network comes first: it has the alias, and an engine that takes one
	// network at creation takes no alias on the outer one.
	profile := sandbox.New(sandbox.Gateway, w, NetworkName(spec.Experiment, spec.Instance), outside)
	profile.Sysctls = gateway.Sysctls(interfaces)
	if len(config.Egress.Clients) > 0 { // it alone asks for foreign names
		profile.DNS = nil
		if spec.Egress != nil {
			profile.DNS = spec.Egress.Resolvers
		}
	}
	if gateway.HasIdentity(spec) {
		profile.Volumes = []sandbox.Volume{{Name: TrustName(spec.Experiment, spec.Instance), Path: gateway.TrustFolder}}
	}
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
	deps := []pulumi.Resource{image}
	envs := pulumi.StringArray{pulumi.String(protocol.EnvConfig + "=" + encoded)}
	if config.NeedsKey() {
		if err := s.addIdentity(ctx, env, parent); err != nil {
			return err
		}
		envs = append(envs, pulumi.Sprintf("%s=%s", protocol.EnvKey, env.key))
		deps = append(deps, env.trust)
	}
	profile, _ := GatewayProfile(env.spec, s.InterfaceSysctls)
	profile.Runtime = s.GatewayRuntime
	args := hardened(profile)
	args.Name = pulumi.String(ContainerName(env.spec.Experiment, env.spec.Instance, Gateway))
	args.Image = pulumi.String(s.GatewayRef)
	args.Hostname = pulumi.String(Gateway)
	args.Envs = envs
	args.NetworksAdvanced = sdk.ContainerNetworksAdvancedArray{
		sdk.ContainerNetworksAdvancedArgs{
			Name: env.network.Name, Aliases: pulumi.ToStringArray([]string{Gateway}),
			Ipv4Address: pulumi.String(sandbox.GatewayAddress(s.Subnet).String()),
		},
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
	addLabels(args, ContainerLabels(env.spec, Gateway, Gateway))
	if config.NeedsKey() || len(config.Egress.Clients) > 0 {
		// It has to have seen that what must be refused is refused.
		label(args, LabelReady, ContainerName(env.spec.Experiment, env.spec.Instance, Gateway))
		args.Wait = pulumi.Bool(true)
		args.WaitTimeout = pulumi.Int(gatewayPatience)
	}
	env.gateway, err = sdk.NewContainer(ctx, Gateway, args, pulumi.Parent(parent), pulumi.DependsOn(deps))
	return err
}

// addIdentity makes what identities and the models' certificate come from: a key,
// which stays in the state, and the volume that shows the certificate authority to
// workloads.
func (s *Sandbox) addIdentity(ctx *pulumi.Context, env *environment, parent pulumi.Resource) (err error) {
	key, err := components.NewRandom(ctx, GatewayKey, keyLength, parent)
	if err != nil {
		return fmt.Errorf("key of the gateway: %w", err)
	}
	env.key = pulumi.ToSecret(key).(pulumi.StringOutput)
	env.trust, err = sdk.NewVolume(ctx, "trust", &sdk.VolumeArgs{
		Name:   pulumi.String(TrustName(env.spec.Experiment, env.spec.Instance)),
		Labels: volumeLabels(Labels(env.spec, "trust", "")),
	}, pulumi.Parent(parent))
	return err
}

// GatewayKey is the name of the gateway's key among the secrets in the state.
const GatewayKey = "gateway.key"

// gatewayPatience bounds the wait for a gateway in seconds; it begins in 20 ms.
const gatewayPatience = 60

// keyLength is in letters and digits: 285 bits.
const keyLength = 48
