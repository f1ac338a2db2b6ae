package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	p "github.com/pulumi/pulumi-go-provider"
)

// How long a network's removal waits for containers that are going, and how
// long it pauses between attempts.
const (
	networkPatience = 15 * time.Second
	networkPause    = 100 * time.Millisecond
)

// ensure makes the network or adopts ours. Engines below API 1.44 make a second
// network of one name without a word, so the name is looked up before, and
// after: of two the older one is kept. Two processes that make it at the same
// instant are kept apart by the lock of the stack.
func (h networks) ensure(ctx context.Context, name string, want client.NetworkCreateOptions) (network.Network, error) {
	doing := fmt.Sprintf("make network %q", name)
	found, err := h.byName(ctx, name)
	if err != nil {
		return network.Network{}, explain(err, h.host, doing)
	}
	keep, err := h.adopt(ctx, name, want, found)
	if err != nil || keep.ID != "" {
		return keep, err
	}
	_, err = h.api.NetworkCreate(ctx, name, want)
	if err != nil && !cerrdefs.IsConflict(err) {
		return network.Network{}, explain(err, h.host, doing)
	}
	if found, err = h.byName(ctx, name); err != nil {
		return network.Network{}, explain(err, h.host, doing)
	}
	keep, err = h.adopt(ctx, name, want, found)
	if err == nil && keep.ID == "" {
		err = fmt.Errorf("%s: another process removed it at the same time; run the command again", doing)
	}
	return keep, err
}

// byName returns the networks of exactly that name, oldest first.
func (h networks) byName(ctx context.Context, name string) ([]network.Network, error) {
	res, err := h.api.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("name", name)})
	if err != nil {
		return nil, err
	}
	var out []network.Network
	for _, n := range res.Items {
		if n.Name == name { // the engine's filter also finds names that hold it
			out = append(out, n.Network)
		}
	}
	slices.SortFunc(out, func(a, b network.Network) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

// adopt returns the oldest of found that is what want asks for, and removes the
// others, which are ours too. No network: none is fit.
func (h networks) adopt(ctx context.Context, name string, want client.NetworkCreateOptions, found []network.Network) (network.Network, error) {
	for _, n := range found {
		if !owned(want.Labels, n.Labels) {
			return network.Network{}, foreignError("network", name, n.Labels)
		}
	}
	var keep network.Network
	for _, n := range found {
		if keep.ID == "" && sameNetwork(want, n) {
			keep = n
			continue
		}
		if err := h.remove(ctx, n.ID, true); err != nil {
			return network.Network{}, fmt.Errorf("replace network %q: %w", name, err)
		}
	}
	return keep, nil
}

func (h networks) delete(ctx context.Context, req p.DeleteRequest) error {
	return h.remove(ctx, req.ID, false)
}

// remove removes a network. Containers that still hang on it are waited for; an
// endpoint whose container is gone is cut off, and with force every one is.
func (h networks) remove(ctx context.Context, id string, force bool) error {
	patience := time.Now().Add(networkPatience)
	for {
		_, err := h.api.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		if err == nil || cerrdefs.IsNotFound(err) {
			return nil
		}
		doing := fmt.Sprintf("remove network %q", id)
		if !strings.Contains(err.Error(), "active endpoints") {
			return explain(err, h.host, doing)
		}
		left, ierr := h.cutOff(ctx, id, force)
		if ierr != nil {
			return explain(ierr, h.host, doing)
		}
		if time.Now().After(patience) && len(left) == 0 {
			return fmt.Errorf("%s: the engine counts a container on it and names none, which Docker Engine 20.10 does now and then "+
				"when containers go side by side: restart the engine, then run the same command again: %w", doing, err)
		}
		if time.Now().After(patience) {
			return fmt.Errorf("%s: still used by %s after %v: stop them or disconnect them (`docker network disconnect -f`): %w",
				doing, strings.Join(left, ", "), networkPatience, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", doing, ctx.Err())
		case <-time.After(networkPause):
		}
	}
}

// cutOff disconnects the endpoints of containers that are gone, or with force
// all, and returns the names of the containers that remain. A container of the
// same experiment is removed: it is a job's, or was made by a run that was killed
// before it could say so, and no state knows it.
func (h networks) cutOff(ctx context.Context, id string, force bool) (left []string, err error) {
	res, err := h.api.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Sorted(maps.Keys(res.Network.Containers)) {
		name := res.Network.Containers[c].Name
		found, err := h.containers.ContainerInspect(ctx, c, client.ContainerInspectOptions{})
		if err != nil && !cerrdefs.IsNotFound(err) {
			return nil, err
		}
		if err == nil && !force && owned(res.Network.Labels, found.Container.Config.Labels) {
			_, err = h.containers.ContainerRemove(ctx, c, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
				return nil, err
			}
			continue
		}
		if err == nil && !force {
			left = append(left, name)
			continue
		}
		_, err = h.api.NetworkDisconnect(ctx, id, client.NetworkDisconnectOptions{Container: name, Force: true})
		switch {
		case err == nil, cerrdefs.IsNotFound(err), strings.Contains(err.Error(), "is not connected"):
		case cerrdefs.IsConflict(err), strings.Contains(err.Error(), "marked for removal"):
			left = append(left, name) // on its way out; the caller tries again
		default:
			return nil, err
		}
	}
	return left, nil
}
