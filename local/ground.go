package local

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/sandbox"
	"github.com/envctl/envctl/stacks"
)

// subnet is the range of an instance's network: the one it has, or else a free one.
// An older envctl let the engine choose; such a network is made anew. lost is one
// that is not free, whatever the engine lists.
func (t *Target) subnet(ctx context.Context, spec plan.Spec, lost netip.Prefix) (netip.Prefix, error) {
	name := target.NetworkName(spec.Experiment, spec.Instance)
	all, err := t.Engine.Client().NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("list networks: %w", err)
	}
	taken := sandbox.Interfaces()
	if lost.IsValid() {
		taken = append(taken, lost)
	}
	for _, n := range all.Items {
		own, ok := ownRange(n.Network)
		if ok && n.Name == name {
			return own, nil
		}
		for _, c := range n.IPAM.Config {
			taken = append(taken, c.Subnet)
		}
	}
	free, ok := sandbox.Subnet(target.Owner(spec.Experiment, spec.Instance), taken)
	if !ok {
		return netip.Prefix{}, &NoRangeError{Networks: len(all.Items)}
	}
	return free, nil
}

// Begin implements [stacks.Beginner]: the network, on which all else waits.
func (t *Target) Begin(ctx context.Context, p *plan.Plan) (undo func(context.Context) error) {
	if t.Ahead == nil || t.made == nil {
		return func(context.Context) error { return nil }
	}
	spec := p.Spec()
	name := target.NetworkName(spec.Experiment, spec.Instance)
	t.Ahead.Network(ctx, name, target.NetworkOptions(spec, t.made.Subnet))
	return func(ctx context.Context) error { return t.Ahead.Drop(ctx, name) }
}

// overlaps is what an engine says of a range that another network has. Through the
// Pulumi engine only the text comes.
const overlaps = "Pool overlaps with other one on this address space"

// mostRanges bounds the ranges that are tried for one network: two that look at the
// same moment can find the same, a few times in a row at worst.
const mostRanges = 8

// Again implements [stacks.Repeater]: a range that somebody took first is replaced by
// another.
func (t *Target) Again(ctx context.Context, p *plan.Plan, err error, tries int, onEvent func(stacks.Event)) bool {
	if t.made == nil || tries >= mostRanges || !strings.Contains(err.Error(), overlaps) {
		return false
	}
	next, err := t.subnet(ctx, p.Spec(), t.made.Subnet)
	if err != nil {
		return false
	}
	onEvent(stacks.Event{Time: time.Now(), Type: stacks.EventLog, Severity: "info",
		Message: fmt.Sprintf("another network took %s first: trying %s", t.made.Subnet, next)})
	t.made.Subnet = next
	return true
}

// ownRange is the range of the pool that a network has.
func ownRange(n network.Network) (netip.Prefix, bool) {
	if len(n.IPAM.Config) != 1 {
		return netip.Prefix{}, false
	}
	p := n.IPAM.Config[0].Subnet
	return p, p.IsValid() && sandbox.IsOurs(p)
}

// ownNetwork is an instance's network as the engine reports it; nil where there is none.
func (t *Target) ownNetwork(ctx context.Context, spec plan.Spec) (*network.Inspect, error) {
	name := target.NetworkName(spec.Experiment, spec.Instance)
	got, err := t.Engine.Client().NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", name, err)
	}
	return &got.Network, nil
}

// rangeOf is the range of the pool that a network has; the zero value for none.
func rangeOf(n *network.Inspect) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	own, _ := ownRange(n.Network)
	return own
}

// NoRangeError says that every range for networks is in use.
type NoRangeError struct{ Networks int }

func (e *NoRangeError) Error() string {
	return fmt.Sprintf("the engine has %d networks, and no range of %s is free for another", e.Networks, sandbox.Pool())
}

// Hint says how to mend it.
func (*NoRangeError) Hint() string {
	return "take down what is not needed: `envctl list`, `envctl gc`; or see what else uses the range: docker network ls"
}
