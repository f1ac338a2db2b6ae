// Package docker is the local target: an experiment as hardened containers on a
// network of its own, through the typed Pulumi SDK of the docker provider.
package docker

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	sdk "github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/sandbox"
)

// Sandbox makes experiments on a Docker Engine. It implements [components.Target].
type Sandbox struct {
	// Plan is what is made; its hashes go into labels.
	Plan *plan.Plan
	// GatewayRef is the name of the gateway's image, where the plan needs one.
	GatewayRef string
	// InterfaceSysctls says that the engine takes kernel settings of one network
	// interface.
	InterfaceSysctls bool
	// Runtime is the engine's name of what runs the apps; empty: its default.
	Runtime string
	// GatewayRuntime is the same of the gateway, which asks the engine for names and
	// so needs the host's kernel.
	GatewayRuntime string
	// Subnet is the range of the network's addresses, one of the Pool's.
	Subnet netip.Prefix
	// Registry is the address of the registry that keeps the images that were built;
	// empty where none does.
	Registry string
}

var _ components.Target = (*Sandbox)(nil)

// environment is the network of an instance and, where an app has ingress, the
// gateway on its edge.
type environment struct {
	spec     plan.Spec
	registry string
	network  *sdk.Network
	gateway  *sdk.Container
	routes   map[string]int // by app: the port inside the gateway
	key      pulumi.StringOutput
	trust    pulumi.Resource // nil: workloads have no identities
}

// Generated implements [components.Environment].
func (e *environment) Generated() pulumi.StringMap {
	if e.trust == nil {
		return nil
	}
	return pulumi.StringMap{GatewayKey: e.key}
}

func (e *environment) Name() pulumi.StringOutput { return e.network.Name }
func (e *environment) Registry() pulumi.StringOutput {
	return pulumi.String(e.registry).ToStringOutput()
}

// Environment implements [components.Target].
func (s *Sandbox) Environment(
	ctx *pulumi.Context, spec plan.Spec, parent pulumi.Resource,
) (components.Environment, error) {
	profile := sandbox.InternalNetwork()
	network, err := sdk.NewNetwork(ctx, "sandbox", &sdk.NetworkArgs{
		Name:     pulumi.String(NetworkName(spec.Experiment, spec.Instance)),
		Driver:   pulumi.String(profile.Driver),
		Internal: pulumi.Bool(profile.Internal),
		Options:  pulumi.ToStringMap(profile.Options),
		IpamConfigs: sdk.NetworkIpamConfigArray{
			sdk.NetworkIpamConfigArgs{Subnet: pulumi.String(s.Subnet.String())},
		},
		Labels: networkLabels(Labels(spec, "network", "")),
	}, pulumi.Parent(parent))
	if err != nil {
		return nil, err
	}
	env := &environment{spec: spec, registry: s.Registry, network: network}
	config, needed := gateway.ConfigFor(spec)
	if !needed {
		return env, nil
	}
	return env, s.addGateway(ctx, env, config, parent)
}

// App implements [components.Target].
func (s *Sandbox) App(
	ctx *pulumi.Context, e components.Environment, w components.Workload, parent pulumi.Resource,
) (components.Part, error) {
	env := e.(*environment)
	image, err := s.image(ctx, w, parent)
	if err != nil {
		return components.Part{}, err
	}
	args := s.container(env, w)
	if w.Ingress != nil {
		args.Wait = pulumi.Bool(true)
		args.WaitTimeout = pulumi.Int(waitSeconds(w.Health))
	}
	deps := slices.Clone(w.Needs)
	if image != nil {
		deps = append(deps, image)
	}
	if len(w.Models)+len(w.Egress) > 0 { // it may want them at once
		deps = append(deps, env.gateway)
	}
	c, err := sdk.NewContainer(ctx, w.Name, args, pulumi.Parent(parent), pulumi.DependsOn(deps))
	if err != nil {
		return components.Part{}, err
	}
	return components.Part{Resource: c, URL: env.url(w.Name), Image: pulumi.String(s.imageName(w.Image)).ToStringOutput()}, nil
}

// Job implements [components.Target]. A job's container is made by each run of
// it; what stays is the image.
func (s *Sandbox) Job(
	ctx *pulumi.Context, _ components.Environment, w components.Workload, parent pulumi.Resource,
) (components.Part, error) {
	image, err := s.image(ctx, w, parent)
	return components.Part{Resource: image, Image: pulumi.String(s.imageName(w.Image)).ToStringOutput()}, err
}

// imageName is what an image is called in outputs: by the registry that keeps it,
// or as the engine calls it.
func (s *Sandbox) imageName(img plan.Image) string {
	if s.Registry == "" || img.Repository == "" || img.Digest == "" {
		return img.Ref
	}
	return s.Registry + "/" + img.Repository + "@" + img.Digest
}

// LabelReady names the gateway that knows whether an app answers; the provider
// waits for it where the container has `wait`.
const LabelReady = "dev.envctl.ready"

// waitSeconds is how long the provider waits at most: the gateway gives up
// first and says why, so this only ends a wait that nobody answers.
func waitSeconds(h *plan.Health) int {
	const starting, slack = 30, 60
	if h == nil {
		return starting + slack
	}
	return int(h.Grace+h.Timeout) + slack
}

// image registers the image of a workload, so that `down` removes what was
// built or pulled for the experiment. One that was there before is left alone.
func (s *Sandbox) image(ctx *pulumi.Context, w components.Workload, parent pulumi.Resource) (pulumi.Resource, error) {
	img := w.Image
	switch {
	case img.Build != nil && len(img.Build.Files) == 0:
		return sdk.NewImage(ctx, w.Name, &sdk.ImageArgs{
			ImageName: pulumi.String(img.Tag),
			SkipPush:  pulumi.Bool(true),
			Build: &sdk.DockerBuildArgs{
				Context:    pulumi.String(img.Build.Context),
				Dockerfile: pulumi.String(img.Build.Dockerfile),
				Target:     optional(img.Build.Target),
				Args:       pulumi.ToStringMap(img.Build.Args),
			},
		}, pulumi.Parent(parent))
	case img.Build != nil:
		return remoteImage(ctx, w.Name, img.Tag, parent)
	case !img.Keep:
		return remoteImage(ctx, w.Name, img.Ref, parent)
	}
	return nil, nil
}

func remoteImage(ctx *pulumi.Context, name, ref string, parent pulumi.Resource) (pulumi.Resource, error) {
	return sdk.NewRemoteImage(ctx, name, &sdk.RemoteImageArgs{
		Name: pulumi.String(ref), KeepLocally: pulumi.Bool(false),
	}, pulumi.Parent(parent))
}

// container is the request for the container of an app.
func (s *Sandbox) container(env *environment, w components.Workload) *sdk.ContainerArgs {
	hash := s.Plan.WorkloadHash(w.Name)
	profile := Profile(env.spec, w.Workload, s.Subnet)
	profile.Runtime = s.Runtime
	args := hardened(profile)
	args.Name = pulumi.String(ContainerName(env.spec.Experiment, env.spec.Instance, w.Name))
	args.Image = pulumi.String(w.Image.Ref)
	args.Hostname = pulumi.String(w.Name)
	args.Entrypoints = pulumi.ToStringArray(w.Command)
	args.Command = pulumi.ToStringArray(w.Args)
	args.Envs = envs(Environ(env.spec, w.Workload, hash), env.secrets(w))
	args.NetworksAdvanced = sdk.ContainerNetworksAdvancedArray{sdk.ContainerNetworksAdvancedArgs{
		Name: env.network.Name, Aliases: pulumi.ToStringArray([]string{gateway.Replicas(w.Name)}),
	}}
	labels := ContainerLabels(env.spec, "app", w.Name)
	labels[LabelPlan] = hash
	labels[LabelReady] = "" // nobody's: the image may have one
	if w.Ingress != nil {
		labels[LabelReady] = ContainerName(env.spec.Experiment, env.spec.Instance, Gateway)
	}
	addLabels(args, labels)
	return args
}

// secrets are a workload's own, and what shows its identity.
func (e *environment) secrets(w components.Workload) pulumi.StringMap {
	if e.trust == nil {
		return w.SecretEnv
	}
	out := maps.Clone(w.SecretEnv)
	if out == nil {
		out = pulumi.StringMap{}
	}
	out[gateway.HeaderVariable] = pulumi.ToSecret(e.key.ApplyT(func(key string) string {
		return protocol.IdentityHeader(key, w.Name)
	})).(pulumi.StringOutput)
	return out
}

// envs are the variables in the order of their names, so that equal plans are
// equal requests. A secret keeps the whole variable secret.
func envs(plain map[string]string, secret pulumi.StringMap) pulumi.StringArray {
	var out pulumi.StringArray
	names := slices.Collect(maps.Keys(plain))
	for name := range secret {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if value, ok := secret[name]; ok {
			out = append(out, pulumi.Sprintf("%s=%s", name, value))
			continue
		}
		out = append(out, pulumi.String(name+"="+plain[name]))
	}
	return out
}

func (e *environment) url(app string) pulumi.StringOutput {
	port, ok := e.routes[app]
	if !ok {
		return pulumi.String("").ToStringOutput()
	}
	return e.gateway.Ports.ApplyT(func(ports []sdk.ContainerPort) string {
		for _, p := range ports {
			if p.Internal == port && p.External != nil && *p.External != 0 {
				return fmt.Sprintf("http://127.0.0.1:%d", *p.External)
			}
		}
		return ""
	}).(pulumi.StringOutput)
}

func optional(s string) pulumi.StringPtrInput {
	if s == "" {
		return nil
	}
	return pulumi.String(s)
}
