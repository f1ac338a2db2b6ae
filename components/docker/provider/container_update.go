package provider

import (
	"context"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	p "github.com/pulumi/pulumi-go-provider"
)

// update changes limits and the restart policy in place, and starts or stops
// the container. It is also what mends a container that did not come up.
func (h containers) update(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	if req.DryRun {
		return p.UpdateResponse{Properties: overlay(req.State, req.Inputs)}, nil
	}
	in, err := decode[containerInputs](req.Inputs)
	if err != nil {
		return p.UpdateResponse{}, err
	}
	if err := h.limits(ctx, req, in); err != nil {
		return p.UpdateResponse{}, err
	}
	live, err := h.resume(ctx, req.ID, in)
	if err != nil {
		h.failed.note(in.Name)
	}
	resp := p.UpdateResponse{Properties: keepLogs(containerOutputs(req.Inputs, in, live), req.State)}
	if err != nil && live != nil {
		resp.Properties, resp.PartialState, err = notReady(req.Inputs, resp.Properties, err)
	}
	return resp, err
}

// limits sends the limits where one of them has changed.
func (h containers) limits(ctx context.Context, req p.UpdateRequest, in containerInputs) error {
	changed := false
	s := containerSchema()
	for name := range s.diff(p.DiffRequest{OldInputs: req.OldInputs, Inputs: req.Inputs}).DetailedDiff {
		changed = changed || s.changes[name] == updateSet || name == "restart" || name == "maxRetryCount"
	}
	if !changed {
		return nil
	}
	res, err := in.resources()
	if err != nil {
		return err
	}
	res.Ulimits, res.Devices, res.DeviceRequests, res.CgroupParent = nil, nil, nil, "" // not the engine's to update
	policy := in.restartPolicy()
	_, err = h.state.ContainerUpdate(ctx, req.ID, client.ContainerUpdateOptions{Resources: &res, RestartPolicy: &policy})
	return h.gone(err, fmt.Sprintf("change the limits of container %q", in.Name))
}

// resume brings the container to run, or to rest, whatever state it is in.
func (h containers) resume(ctx context.Context, id string, in containerInputs) (*container.InspectResponse, error) {
	res, err := h.state.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return nil, h.gone(err, fmt.Sprintf("look at container %q", in.Name))
	}
	live := &res.Container
	switch {
	case live.State.Paused && isTrue(in.Start):
		if _, err := h.api.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{}); err != nil {
			return live, explain(err, h.host, fmt.Sprintf("unpause container %q", in.Name))
		}
		live = nil
	case live.State.Running && !isTrue(in.Start):
		if _, err := h.api.ContainerStop(ctx, id, client.ContainerStopOptions{}); err != nil {
			return live, explain(err, h.host, fmt.Sprintf("stop container %q", in.Name))
		}
		live = nil
	}
	if live == nil {
		if live, err = h.inspect(ctx, id, in.Name); err != nil {
			return nil, err
		}
	}
	after, err := h.run(ctx, id, in, live)
	if after == nil {
		after = live
	}
	return after, err
}

// gone explains an error about a container that should be there.
func (h containers) gone(err error, doing string) error {
	if cerrdefs.IsNotFound(err) {
		return fmt.Errorf("%s: it is gone; run the command again with a refresh, which makes it anew: %w", doing, err)
	}
	return explain(err, h.host, doing)
}
