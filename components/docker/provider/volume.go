package provider

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/volume"
	"github.com/moby/moby/client"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

type volumeInputs struct {
	Driver     string            `pulumi:"driver,optional"`
	DriverOpts map[string]string `pulumi:"driverOpts,optional"`
	Labels     []label           `pulumi:"labels,optional"`
	Name       string            `pulumi:"name,optional"`
}

func volumeSchema() schema {
	return schema{
		inputs:      reflect.TypeFor[volumeInputs](),
		defaults:    map[string]any{"driver": "local"},
		sets:        map[string]bool{"labels": true},
		named:       true,
		deleteFirst: true,
	}
}

// volumes handles docker.Volume; the id is the name.
type volumes struct {
	api  volumeAPI
	host string
}

func (h volumes) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	if req.DryRun {
		return p.CreateResponse{Properties: withUnknown(req.Properties, "driver", "mountpoint")}, nil
	}
	in, err := decode[volumeInputs](req.Properties)
	if err != nil {
		return p.CreateResponse{}, err
	}
	v, err := h.ensure(ctx, in)
	if err != nil {
		return p.CreateResponse{}, err
	}
	return p.CreateResponse{ID: v.Name, Properties: volumeOutputs(req.Properties, v)}, nil
}

// ensure makes the volume or adopts ours. The engine's create returns a volume
// that has the name already, whoever made it, and changes nothing about it.
func (h volumes) ensure(ctx context.Context, in volumeInputs) (volume.Volume, error) {
	doing := fmt.Sprintf("make volume %q", in.Name)
	want := client.VolumeCreateOptions{Name: in.Name, Driver: in.Driver, DriverOpts: in.DriverOpts, Labels: labelMap(in.Labels)}
	for range 2 {
		res, err := h.api.VolumeCreate(ctx, want)
		got := res.Volume
		if cerrdefs.IsConflict(err) { // another driver has a volume of this name
			found, ierr := h.api.VolumeInspect(ctx, in.Name, client.VolumeInspectOptions{})
			if ierr != nil {
				return volume.Volume{}, explain(err, h.host, doing)
			}
			got = found.Volume
		} else if err != nil {
			return volume.Volume{}, explain(err, h.host, doing)
		}
		if h.same(want, got) {
			return got, nil
		}
		if !owned(want.Labels, got.Labels) {
			return volume.Volume{}, foreignError("volume", in.Name, got.Labels)
		}
		if _, err := h.api.VolumeRemove(ctx, got.Name, client.VolumeRemoveOptions{}); err != nil && !cerrdefs.IsNotFound(err) {
			return volume.Volume{}, explain(err, h.host, "replace "+doing[len("make "):])
		}
	}
	return volume.Volume{}, fmt.Errorf("%s: another process makes a volume of that name at the same time; run the command again", doing)
}

// same says whether got can be taken for what want asks for. Labels that say
// nothing of ownership do not count on a volume of ours: its data does.
func (volumes) same(want client.VolumeCreateOptions, got volume.Volume) bool {
	if want.Driver != "" && want.Driver != got.Driver {
		return false
	}
	if len(want.DriverOpts)+len(got.Options) > 0 && !maps.Equal(want.DriverOpts, got.Options) {
		return false
	}
	return owned(want.Labels, got.Labels) || maps.Equal(want.Labels, got.Labels) && len(want.Labels) > 0
}

func (h volumes) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	res, err := h.api.VolumeInspect(ctx, req.ID, client.VolumeInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, explain(err, h.host, fmt.Sprintf("look at volume %q", req.ID))
	}
	inputs, v := req.Inputs, res.Volume
	if inputs.Len() == 0 {
		inputs = encode(volumeInputs{Name: v.Name, Driver: v.Driver, DriverOpts: v.Options, Labels: labelList(v.Labels)})
	} else if !h.mine(inputs, v) {
		return p.ReadResponse{}, nil
	}
	return p.ReadResponse{ID: v.Name, Inputs: inputs, Properties: volumeOutputs(inputs, v)}, nil
}

// mine says whether v is the volume that was made with inputs: a volume's id is
// its name, so one made anew by hand has the same id.
func (volumes) mine(inputs property.Map, v volume.Volume) bool {
	in, err := decode[volumeInputs](inputs)
	want := labelMap(in.Labels)
	return err == nil && (owned(want, v.Labels) || want[labelExperiment] == "")
}

func (volumes) update(_ context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	return p.UpdateResponse{Properties: overlay(req.State, req.Inputs)}, nil
}

func (h volumes) delete(ctx context.Context, req p.DeleteRequest) error {
	res, err := h.api.VolumeInspect(ctx, req.ID, client.VolumeInspectOptions{})
	if err == nil && !h.mine(req.OldInputs, res.Volume) {
		return nil // ours is gone, and this one is somebody else's
	}
	if err == nil {
		_, err = h.api.VolumeRemove(ctx, req.ID, client.VolumeRemoveOptions{})
	}
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return explain(err, h.host, fmt.Sprintf("remove volume %q", req.ID))
}

func volumeOutputs(inputs property.Map, v volume.Volume) property.Map {
	return overlay(inputs, property.NewMap(map[string]property.Value{
		"name": property.New(v.Name), "driver": property.New(v.Driver), "mountpoint": property.New(v.Mountpoint),
	}))
}
