package docker

import (
	"net/netip"
	"slices"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/sandbox"
)

// Hosts are the names that a workload finds without asking anybody, NAME:ADDRESS,
// sorted: all are the gateway's. They need no name server, which a user-space
// kernel cannot reach.
func Hosts(spec plan.Spec, subnet netip.Prefix) []string {
	config, needed := gateway.ConfigFor(spec)
	if !needed {
		return nil
	}
	names := []string{gateway.Name}
	for _, r := range config.Ingress.Inside.Routes {
		names = append(names, r.App)
	}
	if len(config.Models.Clients) > 0 {
		names = append(names, gateway.ModelsHost)
	}
	slices.Sort(names)
	address := sandbox.GatewayAddress(subnet).String()
	for i := range names {
		names[i] += ":" + address
	}
	return names
}

// Profile is the hardening of a workload's containers on a network with the range
// subnet.
func Profile(spec plan.Spec, w plan.Workload, subnet netip.Prefix) sandbox.Profile {
	p := sandbox.New(w.Kind, w, NetworkName(spec.Experiment, spec.Instance))
	p.Hosts = Hosts(spec, subnet)
	if len(w.Models) > 0 {
		p.Volumes = []sandbox.Volume{{Name: TrustName(spec.Experiment, spec.Instance), Path: gateway.TrustFolder, ReadOnly: true}}
	}
	return p
}

// NetworkOptions is the request for an experiment's network, as the provider makes it of
// [Sandbox.Environment].
func NetworkOptions(spec plan.Spec, subnet netip.Prefix) client.NetworkCreateOptions {
	o := client.NetworkCreateOptions{
		IPAM:   &network.IPAM{Driver: "default", Config: []network.IPAMConfig{{Subnet: subnet}}},
		Labels: Labels(spec, "network", ""),
	}
	sandbox.InternalNetwork().Apply(&o)
	return o
}
