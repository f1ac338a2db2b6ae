package runner

import (
	"context"
	"fmt"
	"path"
	"slices"

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

// ensureNetwork makes the network of a managed environment. The caller holds its
// lock, so nobody else makes a second one of that name, which old engines allow.
func (r *Runner) ensureNetwork(ctx context.Context, p place) error {
	name := p.network()
	found, err := r.networks(ctx, name)
	if err != nil {
		return err
	}
	profile := sandbox.InternalNetwork()
	if len(found) > 0 {
		if d := sandbox.VerifyNetwork(network.Inspect{Network: found[0]}, profile); len(d) > 0 {
			return fmt.Errorf("network %s is not as envctl makes it (%s): something else changed or made it; remove it with `docker network rm -f %s` and try again", name, d[0], name)
		}
		return nil
	}
	options := client.NetworkCreateOptions{Labels: with(p.labels, LabelKind, kindNetwork)}
	profile.Apply(&options)
	if _, err := r.engine.Client().NetworkCreate(ctx, name, options); err != nil && !cerrdefs.IsConflict(err) {
		return fmt.Errorf("make network %s: %w", name, err)
	}
	return nil
}

// networks lists the networks of exactly that name.
func (r *Runner) networks(ctx context.Context, name string) ([]network.Network, error) {
	list, err := r.engine.Client().NetworkList(ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("name", name)})
	if err != nil {
		return nil, fmt.Errorf("look for network %s: %w", name, err)
	}
	var out []network.Network
	for _, n := range list.Items {
		out = append(out, n.Network)
	}
	return slices.DeleteFunc(out, func(n network.Network) bool { return n.Name != name }), nil
}
