package sandbox

import (
	"maps"
	"slices"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// NetworkProfile is the hardening of an experiment's own network.
type NetworkProfile struct {
	Driver     string
	Internal   bool // no route out
	EnableIPv6 bool
	Attachable bool
	Options    map[string]string
}

// InternalNetwork returns the profile of the network between the containers of
// one experiment.
//
// Internal alone still lets a container reach every service of the host that
// listens on all addresses, through the bridge's own; inhibit_ipv4 leaves the
// bridge without an address. Containers may still have a default route; it leads
// to an address that nobody has. Masquerading is off so that nothing could leave
// under the host's address even if a route appeared.
func InternalNetwork() NetworkProfile {
	return NetworkProfile{
		Driver:   "bridge",
		Internal: true,
		Options: map[string]string{
			"com.docker.network.bridge.inhibit_ipv4":         "true",
			"com.docker.network.bridge.enable_ip_masquerade": "false",
		},
	}
}

// Apply writes the profile into a request to create a network.
func (p NetworkProfile) Apply(options *client.NetworkCreateOptions) {
	options.Driver, options.Scope = p.Driver, ""
	options.Internal, options.EnableIPv6 = p.Internal, &p.EnableIPv6
	options.Attachable, options.Ingress = p.Attachable, false
	options.Options = maps.Clone(p.Options)
}

// VerifyNetwork judges what the engine reports of a network. Options beyond the
// profile's are differences too: they can name the bridge, or give it an address.
func VerifyNetwork(got network.Inspect, want NetworkProfile) []Difference {
	r := &report{}
	r.same("Driver", want.Driver, got.Driver)
	r.same("Scope", "local", got.Scope)
	r.same("Internal", want.Internal, got.Internal)
	r.same("EnableIPv6", want.EnableIPv6, got.EnableIPv6)
	r.same("Attachable", want.Attachable, got.Attachable)
	r.same("Ingress", false, got.Ingress)
	for _, key := range union(want.Options, got.Options) {
		if key == "com.docker.network.enable_ipv6" || key == "com.docker.network.enable_ipv4" {
			continue // newer engines repeat the fields here
		}
		r.same("Options."+key, want.Options[key], got.Options[key])
	}
	return r.differences
}

// union returns the keys of both maps, sorted.
func union(a, b map[string]string) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
