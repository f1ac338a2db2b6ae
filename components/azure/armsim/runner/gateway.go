package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/install"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/sandbox"
)

const (
	// outside is the engine's own network, from which gateways publish ports.
	outside = "bridge"
	// gatewayUser and gatewayCPU are as in a local sandbox: it copies bytes.
	gatewayUser = 65532
	gatewayCPU  = 0.5
	// portTries is how often a gateway is made with other ports because somebody
	// took one between the look and the start.
	portTries = 20
)

// reconcile makes an environment's gateway be what its apps need: made, made anew,
// left as it is, or removed. It says whether a gateway was started. The caller holds
// the environment's lock. A new gateway is made before the old one is removed, so
// that at every instant one has the label that says which ports are whose.
func (r *Runner) reconcile(ctx context.Context, p place) (started bool, err error) {
	list, err := r.find(ctx, labelEnvironment, p.id)
	if err != nil {
		return false, err
	}
	apps, err := edges(list)
	if err != nil {
		return false, err
	}
	gateways := slices.DeleteFunc(slices.Clone(list), func(c docker.Container) bool { return c.Labels[LabelKind] != kindGateway })
	config, inside := configure(apps)
	serve(&config, asked(list))
	if config.Empty() {
		return false, r.removeGateways(ctx, gateways, "")
	}
	if p.address, err = r.ensureNetwork(ctx, p); err != nil {
		return false, err
	}
	if config.Models.On() {
		if err := r.ensureTrust(ctx, p); err != nil {
			return false, err
		}
	}
	for taken := map[int]bool{}; ; {
		ports, err := r.ports(gateways, inside, taken)
		if err != nil {
			return false, err
		}
		started, err := r.haveGateway(ctx, p, gateways, config, inside, ports)
		port, ok := conflict(err, ports)
		if !ok || len(taken) >= portTries {
			return started, err
		}
		taken[port] = true
		if gateways, err = r.find(ctx, labelEnvironment, p.id, LabelKind, kindGateway); err != nil {
			return false, err
		}
	}
}

// haveGateway makes sure that exactly one gateway is there, and that it runs.
func (r *Runner) haveGateway(
	ctx context.Context, p place, gateways []docker.Container, config protocol.Config, inside, ports map[string]int,
) (started bool, err error) {
	options, err := r.gatewayOptions(ctx, p, config, inside, ports)
	if err != nil {
		return false, err
	}
	at := slices.IndexFunc(gateways, func(c docker.Container) bool { return c.Name == options.Name })
	if at < 0 {
		if _, err := r.engine.Client().ContainerCreate(ctx, options); err != nil {
			return false, fmt.Errorf("make container %s: %w", options.Name, err)
		}
	}
	if err := r.removeGateways(ctx, gateways, options.Name); err != nil {
		return false, err
	}
	if at >= 0 && gateways[at].State == "running" {
		return false, nil
	}
	if err := r.attachOutside(ctx, options.Name); err != nil {
		return false, err
	}
	_, err = r.engine.Client().ContainerStart(ctx, options.Name, client.ContainerStartOptions{})
	if err != nil {
		return false, fmt.Errorf("start the gateway of %s: %w", last(p.id), err)
	}
	return true, nil
}

// attachOutside puts a gateway that does not run on its outer network, unless a
// process that was killed since has done so.
func (r *Runner) attachOutside(ctx context.Context, name string) error {
	_, err := r.engine.Client().NetworkConnect(ctx, outside, client.NetworkConnectOptions{Container: name})
	if err != nil && !strings.Contains(err.Error(), "already exists in network") {
		return fmt.Errorf("connect container %s: %w", name, err)
	}
	return nil
}

// removeGateways removes all but one.
func (r *Runner) removeGateways(ctx context.Context, list []docker.Container, keep string) error {
	for _, c := range list {
		if c.Name == keep {
			continue
		}
		if err := r.drop(ctx, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// conflict finds the port that an engine could not publish.
func conflict(err error, ports map[string]int) (int, bool) {
	if err == nil || !strings.Contains(err.Error(), "address already in use") && !strings.Contains(err.Error(), "port is already allocated") {
		return 0, false
	}
	for _, port := range ports {
		if strings.Contains(err.Error(), ":"+strconv.Itoa(port)) {
			return port, true
		}
	}
	return 0, false
}

// gatewayOptions is the request for an environment's gateway. Its name changes
// whenever anything in it does.
func (r *Runner) gatewayOptions(
	ctx context.Context, p place, config protocol.Config, inside, ports map[string]int,
) (client.ContainerCreateOptions, error) {
	encoded, err := config.Encode()
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	about, err := r.about(ctx)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	env := []string{protocol.EnvConfig + "=" + encoded}
	if config.NeedsKey() {
		key, err := r.key(p.id)
		if err != nil {
			return client.ContainerCreateOptions{}, err
		}
		env = append(env, protocol.EnvKey+"="+key)
	}
	image, err := install.Image(ctx, r.engine, about.architecture, r.gatewayOwner(p))
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	label, err := json.Marshal(ports)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	out := client.ContainerCreateOptions{
		Name: p.container("gateway", short(encoded+string(label)+image+p.address.String())),
		Config: &container.Config{
			Image: image, Hostname: "gateway", Env: env,
			Labels: with(p.labels, LabelKind, kindGateway, LabelComponent, "gateway", labelPorts, string(label), labelServices, services(config)),
		},
		HostConfig: &container.HostConfig{},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			p.network(): {Aliases: called(config), IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: p.address}},
		}},
	}
	publish(&out, inside, ports)
	gatewayProfile(p, config, about.interfaces).Apply(out.Config, out.HostConfig)
	return out, nil
}

// services are what a gateway passes on; empty: nothing.
func services(config protocol.Config) string {
	switch {
	case config.Models.On():
		return servicesModels
	case config.Identity.On():
		return servicesIdentity
	}
	return ""
}

// called are the names that apps call each other by.
func called(config protocol.Config) []string {
	var out []string
	for _, r := range config.Ingress.Inside.Routes {
		out = append(out, r.App)
	}
	return out
}

// publish publishes the ports of a gateway at this machine's loopback.
func publish(out *client.ContainerCreateOptions, inside, ports map[string]int) {
	out.Config.ExposedPorts, out.HostConfig.PortBindings = network.PortSet{}, network.PortMap{}
	for _, id := range slices.Sorted(maps.Keys(inside)) {
		port := network.MustParsePort(strconv.Itoa(inside[id]) + "/tcp")
		out.Config.ExposedPorts[port] = struct{}{}
		out.HostConfig.PortBindings[port] = []network.PortBinding{{
			HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HostPort: strconv.Itoa(ports[id]),
		}}
	}
}

// gatewayProfile is the hardening of a gateway.
func gatewayProfile(p place, config protocol.Config, interfaces bool) sandbox.Profile {
	w := plan.Workload{User: gatewayUser, CPU: gatewayCPU, Memory: gateway.MemoryLimit}
	profile := sandbox.New(sandbox.Gateway, w, p.network(), outside)
	profile.Sysctls = gateway.Sysctls(interfaces)
	if config.Models.On() {
		profile.Volumes = []sandbox.Volume{{Name: p.trust(), Path: gateway.TrustFolder}}
	}
	return profile
}
