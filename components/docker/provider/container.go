package provider

import (
	"context"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// containers handles docker.Container; the id is the engine's.
type containers struct {
	api    containerAPI
	state  containerStateAPI
	images imageAPI
	ready  func(context.Context, ContainerInfo) error
	failed *failures
	host   string
}

// computed are the outputs that only a container that is there has.
var computed = []string{"bridge", "containerLogs", "entrypoints", "exitCode", "hostname", "init", "ipcMode", "logDriver",
	"networkDatas", "runtime", "securityOpts", "shmSize", "stopSignal", "stopTimeout"}

func validateContainer(m property.Map) (errs []error) {
	in, err := decode[containerInputs](m)
	if err != nil {
		return []error{err}
	}
	if _, err := in.spec(); err != nil {
		errs = append(errs, err)
	}
	if err := container.ValidateRestartPolicy(in.restartPolicy()); err != nil {
		errs = append(errs, &propertyError{"restart", err.Error()})
	}
	if in.Logs && !in.Attach {
		errs = append(errs, &propertyError{"logs", "is true without attach, which is what it keeps the output of: set attach, or leave logs out"})
	}
	if in.WaitTimeout < 0 || in.DestroyGraceSeconds < 0 {
		errs = append(errs, &propertyError{"waitTimeout", "waitTimeout and destroyGraceSeconds are seconds from 0 up"})
	}
	return errs
}

func (h containers) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	if req.DryRun {
		return p.CreateResponse{Properties: withUnknown(req.Properties, computed...)}, nil
	}
	in, err := decode[containerInputs](req.Properties)
	if err != nil {
		return p.CreateResponse{}, err
	}
	id, found, err := h.ensure(ctx, in)
	if err != nil {
		h.failed.note(in.Name)
		return p.CreateResponse{}, err
	}
	if found == nil {
		err = h.connect(ctx, id, in)
	}
	live := found
	if err == nil {
		live, err = h.run(ctx, id, in, found)
	}
	resp := p.CreateResponse{ID: id, Properties: containerOutputs(req.Properties, in, live)}
	if in.Logs && live != nil && err == nil {
		var text string
		if text, err = h.log(ctx, *live, "all"); err == nil {
			resp.Properties = resp.Properties.Set("containerLogs",
				property.New(text).WithSecret(property.New(req.Properties).HasSecrets())) // an app may print them
		}
	}
	if err != nil {
		h.failed.note(in.Name)
		resp.Properties, resp.PartialState, err = notReady(req.Properties, resp.Properties, err)
	}
	return resp, err
}

// ensure makes the container or adopts ours; found is nil for a new one. Names
// are unique at the engine, so the usual case costs one call.
func (h containers) ensure(ctx context.Context, in containerInputs) (id string, found *container.InspectResponse, err error) {
	doing := fmt.Sprintf("make container %q", in.Name)
	want, err := in.spec()
	if err != nil {
		return "", nil, err
	}
	first := want
	first.NetworkingConfig = in.firstEndpoint(want.NetworkingConfig)
	for range 3 {
		made, err := h.api.ContainerCreate(ctx, first)
		if err == nil {
			for _, w := range made.Warnings {
				p.GetLogger(ctx).Warningf("container %q: %s", in.Name, w)
			}
			return made.ID, nil, nil
		}
		if !cerrdefs.IsConflict(err) {
			return "", nil, explain(err, h.host, doing)
		}
		res, ierr := h.state.ContainerInspect(ctx, in.Name, client.ContainerInspectOptions{})
		if cerrdefs.IsNotFound(ierr) {
			continue // it went in between
		}
		if ierr != nil {
			return "", nil, explain(ierr, h.host, doing)
		}
		live := res.Container
		if !owned(want.Config.Labels, live.Config.Labels) {
			return "", nil, foreignError("container", in.Name, live.Config.Labels)
		}
		if h.adoptable(ctx, want, live) {
			return live.ID, &live, nil
		}
		if err := h.remove(ctx, live.ID, true); err != nil {
			return "", nil, fmt.Errorf("replace container %q: %w", in.Name, err)
		}
	}
	return "", nil, fmt.Errorf("%s: another process makes and removes containers of that name; run the command again when it is done", doing)
}

// adoptable says whether live, which is ours, is what want asks for.
func (h containers) adoptable(ctx context.Context, want client.ContainerCreateOptions, live container.InspectResponse) bool {
	if live.State.Dead || live.State.Paused || live.State.Status == container.StateRemoving {
		return false
	}
	img, err := h.images.ImageInspect(ctx, want.Config.Image)
	return err == nil && img.ID == live.Image && len(differences(want, live, img.Config)) == 0
}

// firstEndpoint is the network to create the container on: engines below API
// 1.44 take one, the others are connected before the start.
func (in containerInputs) firstEndpoint(all *network.NetworkingConfig) *network.NetworkingConfig {
	if len(in.NetworksAdvanced) < 2 {
		return all
	}
	name := in.NetworksAdvanced[0].Name
	return &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{name: all.EndpointsConfig[name]}}
}

func (h containers) connect(ctx context.Context, id string, in containerInputs) error {
	for _, n := range in.NetworksAdvanced[min(1, len(in.NetworksAdvanced)):] {
		ep, err := n.endpoint()
		if err != nil {
			return err
		}
		_, err = h.state.NetworkConnect(ctx, n.Name, client.NetworkConnectOptions{Container: id, EndpointConfig: ep})
		if err != nil {
			return explain(err, h.host, fmt.Sprintf("connect container %q to network %q", in.Name, n.Name))
		}
	}
	return nil
}

// run starts the container where it has to run and waits for what the inputs
// ask to wait for. It returns how the container is in the end, as far as known.
func (h containers) run(ctx context.Context, id string, in containerInputs, live *container.InspectResponse) (*container.InspectResponse, error) {
	started := live != nil && (live.State.Running || ranToEnd(in, *live))
	if isTrue(in.Start) && !started {
		if _, err := h.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
			return live, explain(err, h.host, fmt.Sprintf("start container %q", in.Name))
		}
		live = nil
	}
	if live == nil {
		var err error
		if live, err = h.inspect(ctx, id, in.Name); err != nil {
			return nil, err
		}
	}
	if !isTrue(in.Start) {
		return live, nil
	}
	return h.settle(ctx, in, live)
}

// ranToEnd says whether a container that is not meant to go on running has run.
func ranToEnd(in containerInputs, live container.InspectResponse) bool {
	return !in.shouldRun() && live.State.Status == container.StateExited
}

func (h containers) inspect(ctx context.Context, id, name string) (*container.InspectResponse, error) {
	res, err := h.state.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return nil, explain(err, h.host, fmt.Sprintf("look at container %q", name))
	}
	return &res.Container, nil
}

func (h containers) delete(ctx context.Context, req p.DeleteRequest) error {
	in, err := decode[containerInputs](req.Properties)
	if err != nil {
		return err
	}
	if in.DestroyGraceSeconds > 0 {
		_, err := h.api.ContainerStop(ctx, req.ID, client.ContainerStopOptions{Timeout: &in.DestroyGraceSeconds})
		if cerrdefs.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return explain(err, h.host, fmt.Sprintf("stop container %q", in.Name))
		}
	}
	return h.remove(ctx, req.ID, isTrue(in.RemoveVolumes))
}

// How often a removal is tried while the engine has not let go of a container's
// files or another client is removing it, and the pause in between.
const (
	removeTries = 100
	removePause = 100 * time.Millisecond
)

// remove kills and removes the container and returns once it is gone.
func (h containers) remove(ctx context.Context, id string, volumes bool) error {
	for try := 0; ; try++ {
		_, err := h.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: volumes})
		if err == nil || cerrdefs.IsNotFound(err) {
			return nil
		}
		retry := cerrdefs.IsConflict(err) || (cerrdefs.IsInternal(err) && try < 3)
		if !retry || try == removeTries {
			return explain(err, h.host, fmt.Sprintf("remove container %q", id))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove container %q: %w", id, ctx.Err())
		case <-time.After(removePause):
		}
	}
}
