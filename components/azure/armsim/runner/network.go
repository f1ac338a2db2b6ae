package runner

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/sandbox"
)

// matches says whether a name is of a repository, which may be a pattern.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// rangeTries is how often a range of addresses is looked for that nobody takes
// between the look and the network.
const rangeTries = 10

// ensureNetwork makes the network of a managed environment, and returns the address
// of the gateway there. The caller holds the environment's lock, so nobody else makes
// a second one of that name, which old engines allow.
func (r *Runner) ensureNetwork(ctx context.Context, p place) (netip.Addr, error) {
	name := p.network()
	for try := 1; ; try++ {
		own, taken, err := r.networks(ctx, name)
		if err != nil {
			return netip.Addr{}, err
		}
		if own != nil {
			return addressIn(*own)
		}
		subnet, ok := sandbox.Subnet(name, append(taken, sandbox.Interfaces()...))
		if !ok {
			return netip.Addr{}, fmt.Errorf("no range of %s is free for the network %s: take down what is not needed (`envctl list`, `envctl gc`)", sandbox.Pool(), name)
		}
		options := client.NetworkCreateOptions{
			Labels: with(p.labels, LabelKind, kindNetwork), IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}},
		}
		profile := sandbox.InternalNetwork()
		profile.Apply(&options)
		_, err = r.engine.Client().NetworkCreate(ctx, name, options)
		if err == nil {
			return sandbox.GatewayAddress(subnet), nil
		}
		if !cerrdefs.IsConflict(err) && !strings.Contains(err.Error(), "overlaps") || try == rangeTries {
			return netip.Addr{}, fmt.Errorf("make network %s: %w", name, err)
		}
	}
}

// addressIn is the gateway's address on a network that is there, which has to be as
// ensureNetwork makes it.
func addressIn(n network.Network) (netip.Addr, error) {
	why := ""
	if d := sandbox.VerifyNetwork(network.Inspect{Network: n}, sandbox.InternalNetwork()); len(d) > 0 {
		why = fmt.Sprint(d[0])
	} else if len(n.IPAM.Config) != 1 || !sandbox.IsOurs(n.IPAM.Config[0].Subnet) {
		why = "its addresses are not of " + sandbox.Pool().String()
	}
	if why != "" {
		return netip.Addr{}, fmt.Errorf("network %s is not as this envctl makes it (%s): something else or an older envctl made it; take the experiment down, remove the network with `docker network rm %s` where it stays, and try again", n.Name, why, n.Name)
	}
	return sandbox.GatewayAddress(n.IPAM.Config[0].Subnet), nil
}

// networks finds the network of exactly that name, nil where there is none, and the
// ranges of addresses that all networks have.
func (r *Runner) networks(ctx context.Context, name string) (own *network.Network, taken []netip.Prefix, err error) {
	list, err := r.engine.Client().NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("look for network %s: %w", name, err)
	}
	for _, n := range list.Items {
		if n.Name == name {
			own = &n.Network
		}
		for _, c := range n.IPAM.Config {
			taken = append(taken, c.Subnet)
		}
	}
	return own, taken, nil
}
