package provider

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/image"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Puller gets an image from its registry to the engine. platform is of the form
// linux/amd64, or empty for the engine's own.
type Puller interface {
	Pull(ctx context.Context, reference, platform string) error
}

type remoteImageInputs struct {
	ForceRemove  bool              `pulumi:"forceRemove,optional"`
	KeepLocally  bool              `pulumi:"keepLocally,optional"`
	Name         string            `pulumi:"name"`
	Platform     string            `pulumi:"platform,optional"`
	PullTriggers []string          `pulumi:"pullTriggers,optional"`
	Triggers     map[string]string `pulumi:"triggers,optional"`
}

func remoteImageSchema() schema {
	return schema{
		inputs:  reflect.TypeFor[remoteImageInputs](),
		changes: map[string]change{"forceRemove": bookkeeper, "keepLocally": bookkeeper},
		sets:    map[string]bool{"pullTriggers": true},
		validate: func(m property.Map) []error {
			in, err := decode[remoteImageInputs](m)
			if err != nil {
				return []error{err}
			}
			if _, err := reference.ParseAnyReference(in.Name); err != nil {
				return []error{&propertyError{"name", fmt.Sprintf("%q is not an image reference: expected NAME[:TAG][@sha256:DIGEST] or an image ID (%v)", in.Name, err)}}
			}
			return nil
		},
	}
}

// remoteImages handles docker.RemoteImage; the id is the image ID and the name,
// written one after the other.
type remoteImages struct {
	api    imageAPI
	puller Puller
	host   string
}

func (h remoteImages) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	if req.DryRun {
		return p.CreateResponse{Properties: withUnknown(req.Properties, "imageId", "repoDigest")}, nil
	}
	in, err := decode[remoteImageInputs](req.Properties)
	if err != nil {
		return p.CreateResponse{}, err
	}
	img, err := h.ensure(ctx, in)
	if err != nil {
		return p.CreateResponse{}, err
	}
	return p.CreateResponse{ID: img.ID + in.Name, Properties: remoteImageOutputs(req.Properties, in.Name, img)}, nil
}

// ensure takes the image that the engine has, or pulls it.
func (h remoteImages) ensure(ctx context.Context, in remoteImageInputs) (image.InspectResponse, error) {
	got, err := h.api.ImageInspect(ctx, in.Name)
	if err == nil && platformFits(in.Platform, got.InspectResponse) {
		return got.InspectResponse, nil
	}
	if err != nil && !cerrdefs.IsNotFound(err) {
		return image.InspectResponse{}, explain(err, h.host, fmt.Sprintf("look for image %q", in.Name))
	}
	if strings.HasPrefix(in.Name, "sha256:") {
		return image.InspectResponse{}, fmt.Errorf("image %q is not on the engine, and an image ID cannot be pulled: build it again, or name it by NAME@sha256:DIGEST", in.Name)
	}
	if h.puller == nil {
		return image.InspectResponse{}, fmt.Errorf("image %q is not on the engine, and this process cannot pull: run `docker pull %s` first", in.Name, in.Name)
	}
	if err := h.puller.Pull(ctx, in.Name, in.Platform); err != nil {
		return image.InspectResponse{}, explain(err, h.host, fmt.Sprintf("pull image %q", in.Name))
	}
	if got, err = h.api.ImageInspect(ctx, in.Name); err != nil {
		return image.InspectResponse{}, explain(err, h.host, fmt.Sprintf("look at image %q after pulling it", in.Name))
	}
	return got.InspectResponse, nil
}

// platformFits compares os[/arch[/variant]] with what an image is for.
func platformFits(platform string, img image.InspectResponse) bool {
	want := strings.Split(platform, "/")
	for i, got := range []string{img.Os, img.Architecture, img.Variant} {
		if i < len(want) && want[i] != "" && want[i] != got {
			return false
		}
	}
	return true
}

func (h remoteImages) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	inputs := req.Inputs
	if inputs.Len() == 0 {
		inputs = encode(remoteImageInputs{Name: nameOfID(req.ID), KeepLocally: true})
	}
	in, err := decode[remoteImageInputs](inputs)
	if err != nil {
		return p.ReadResponse{}, err
	}
	got, err := h.api.ImageInspect(ctx, in.Name)
	if cerrdefs.IsNotFound(err) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, explain(err, h.host, fmt.Sprintf("look at image %q", in.Name))
	}
	return p.ReadResponse{ID: got.ID + in.Name, Inputs: inputs,
		Properties: remoteImageOutputs(inputs, in.Name, got.InspectResponse)}, nil
}

// nameOfID is the name in an id of this type; an id without one is a name.
func nameOfID(id string) string {
	const idLen = len("sha256:") + 64
	if strings.HasPrefix(id, "sha256:") && len(id) > idLen {
		return id[idLen:]
	}
	return id
}

func (remoteImages) update(_ context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	return p.UpdateResponse{Properties: overlay(req.State, req.Inputs)}, nil
}

// delete removes the image's name, and the image with its last name. An image
// that a container uses stays: it is that container's.
func (h remoteImages) delete(ctx context.Context, req p.DeleteRequest) error {
	in, err := decode[remoteImageInputs](req.Properties)
	if err != nil || in.KeepLocally {
		return err
	}
	err = removeName(ctx, h.api, in.Name, in.ForceRemove)
	return explain(err, h.host, fmt.Sprintf("remove image %q", in.Name))
}

func remoteImageOutputs(inputs property.Map, name string, img image.InspectResponse) property.Map {
	return overlay(inputs, property.NewMap(map[string]property.Value{
		"imageId": property.New(img.ID), "repoDigest": property.New(repoDigest(name, img.RepoDigests)),
	}))
}

// repoDigest picks the digest of the repository that name is of.
func repoDigest(name string, digests []string) string {
	named, err := reference.ParseNormalizedNamed(name)
	for _, d := range digests {
		got, derr := reference.ParseNormalizedNamed(d)
		if err == nil && derr == nil && got.Name() == named.Name() {
			return d
		}
	}
	if len(digests) > 0 {
		return digests[0]
	}
	return ""
}
