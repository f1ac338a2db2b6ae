package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

// sweepers bounds how many removals are asked for at once. The engine removes
// containers nearly one after another, so more would only wait there.
const sweepers = 8

// Objects are what carries a set of labels, by name where there is one (an
// untagged image has its ID), sorted.
type Objects struct {
	Containers []string `json:"containers,omitempty"`
	Networks   []string `json:"networks,omitempty"`
	Volumes    []string `json:"volumes,omitempty"`
	Images     []string `json:"images,omitempty"`
}

// Count is how many there are.
func (o Objects) Count() int {
	return len(o.Containers) + len(o.Networks) + len(o.Volumes) + len(o.Images)
}

// Removed is what a sweep removed, or found that somebody else was removing.
type Removed = Objects

// SweepOptions says what stays.
type SweepOptions struct {
	KeepVolumes bool
	KeepImages  bool
}

// Leftovers lists everything that carries all of the labels.
func (e *Engine) Leftovers(ctx context.Context, labels map[string]string) (Objects, error) {
	found, err := e.labelled(ctx, labels, SweepOptions{})
	if err != nil {
		return Objects{}, err
	}
	return found.names(), nil
}

// Sweep removes everything that carries all of the labels: containers by force
// with their anonymous volumes, then networks, volumes and images (each by those of
// its tags that are ours; one that has others only is somebody's). What is gone already, or being removed by somebody else, counts as
// removed, and Sweep returns when it is gone. It can be called again and again.
// When something cannot be removed, the rest is, and the error names it.
func (e *Engine) Sweep(ctx context.Context, labels map[string]string, o SweepOptions) (Removed, error) {
	if len(labels) == 0 {
		return Removed{}, errors.New("a sweep without labels would remove everything; it needs one at least")
	}
	found, err := e.labelled(ctx, labels, o)
	if err != nil {
		return Removed{}, err
	}
	var removed Removed
	var errs [4]error
	removed.Containers, errs[0] = each(ctx, found.containers, e.remove)
	var group errgroup.Group
	group.Go(func() error { removed.Networks, errs[1] = each(ctx, found.networks, e.removeNetwork); return nil })
	group.Go(func() error { removed.Volumes, errs[2] = each(ctx, found.volumes, e.removeVolume); return nil })
	group.Go(func() error { removed.Images, errs[3] = each(ctx, found.images, e.removeImage); return nil })
	_ = group.Wait() // the functions keep their errors apart
	return removed, errors.Join(errs[:]...)
}

// object is something to remove: by id, named to people by name.
type object struct{ id, name string }

type objects struct{ containers, networks, volumes, images []object }

func (o objects) names() Objects {
	return Objects{
		Containers: names(o.containers), Networks: names(o.networks),
		Volumes: names(o.volumes), Images: names(o.images),
	}
}

func names(list []object) []string {
	var out []string
	for _, o := range list {
		out = append(out, o.name)
	}
	slices.Sort(out)
	return out
}

// labelled lists the four kinds at once.
func (e *Engine) labelled(ctx context.Context, labels map[string]string, o SweepOptions) (objects, error) {
	var found objects
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		list, err := e.Containers(ctx, Filter{Labels: labels})
		for _, c := range list {
			found.containers = append(found.containers, object{c.ID, c.Name})
		}
		return err
	})
	group.Go(func() error {
		list, err := e.api.NetworkList(ctx, client.NetworkListOptions{Filters: labelFilters(labels)})
		for _, n := range list.Items {
			found.networks = append(found.networks, object{n.ID, n.Name})
		}
		return wrap("list networks", err)
	})
	if !o.KeepVolumes {
		group.Go(func() error {
			list, err := e.api.VolumeList(ctx, client.VolumeListOptions{Filters: labelFilters(labels)})
			for _, v := range list.Items {
				found.volumes = append(found.volumes, object{v.Name, v.Name})
			}
			return wrap("list volumes", err)
		})
	}
	if !o.KeepImages {
		group.Go(func() error {
			list, err := e.api.ImageList(ctx, client.ImageListOptions{Filters: labelFilters(labels)})
			for _, i := range list.Items {
				found.images = append(found.images, imageObjects(i.ID, i.RepoTags)...)
			}
			return wrap("list images", err)
		})
	}
	return found, group.Wait()
}

// imageObjects are those of an image's tags that envctl gives, or its ID when it has
// none at all. Another tag is of somebody who keeps the image, or of an image that was
// built on one of ours and has its labels by that.
func imageObjects(id string, tags []string) []object {
	var out []object
	named := false
	for _, tag := range tags {
		if strings.HasPrefix(tag, "<none>") {
			continue
		}
		named = true
		if strings.HasPrefix(tag, "envctl/") || strings.HasPrefix(tag, "envctl-") {
			out = append(out, object{tag, tag})
		}
	}
	if !named {
		out = append(out, object{id, id})
	}
	return out
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// each removes a list, some at once, and returns the names of what is gone.
func each(ctx context.Context, list []object, remove func(context.Context, string) error) ([]string, error) {
	errs := make([]error, len(list))
	var group errgroup.Group
	group.SetLimit(sweepers)
	for i, o := range list {
		group.Go(func() error {
			errs[i] = wrap(o.name, remove(ctx, o.id))
			return nil
		})
	}
	_ = group.Wait() // the functions keep their errors apart
	var gone []object
	for i, o := range list {
		if errs[i] == nil {
			gone = append(gone, o)
		}
	}
	return names(gone), errors.Join(errs...)
}

// endpointPatience is how long a network's removal is tried again: containers
// leave it a moment after they are gone.
const endpointPatience = 3 * time.Second

func (e *Engine) removeNetwork(ctx context.Context, id string) error {
	deadline := time.Now().Add(endpointPatience)
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		_, err := e.api.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		if err == nil || cerrdefs.IsNotFound(err) {
			return nil
		}
		if !strings.Contains(err.Error(), "active endpoints") || time.Now().Add(wait).After(deadline) {
			return fmt.Errorf("remove the network: %w%s", err, e.attached(ctx, id))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// attached names the containers that hold a network.
func (e *Engine) attached(ctx context.Context, id string) string {
	answer, err := e.api.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	if err != nil || len(answer.Network.Containers) == 0 {
		return ""
	}
	var holders []string
	for _, endpoint := range answer.Network.Containers {
		holders = append(holders, endpoint.Name)
	}
	slices.Sort(holders)
	return fmt.Sprintf("; it is used by %s: docker network disconnect -f %s CONTAINER", strings.Join(holders, ", "), answer.Network.Name)
}

func (e *Engine) removeVolume(ctx context.Context, name string) error {
	_, err := e.api.VolumeRemove(ctx, name, client.VolumeRemoveOptions{})
	if err == nil || cerrdefs.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("remove the volume: %w", err)
}

// untagTries is how often the removal of a name is tried: while two names of one
// image go at once, the engine may fail with "unrecognized image ID".
const untagTries = 20

func (e *Engine) removeImage(ctx context.Context, ref string) error {
	for try := 1; ; try++ {
		_, err := e.api.ImageRemove(ctx, ref, client.ImageRemoveOptions{PruneChildren: true})
		if err == nil || cerrdefs.IsNotFound(err) {
			return nil
		}
		if !strings.Contains(err.Error(), "unrecognized image ID") || try == untagTries {
			return fmt.Errorf("remove the image: %w", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
