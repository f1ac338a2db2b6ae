package provider

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/envctl/envctl/components/lazyregexp"
)

// Builder builds an image and gives it the tag that the request names.
type Builder interface {
	Build(ctx context.Context, req BuildRequest) error
}

// BuildRequest is what a docker.Image asks for. Paths are absolute; Dockerfile is
// empty where it is Context's own.
type BuildRequest struct {
	Tag        string
	Context    string
	Dockerfile string
	Target     string
	Platform   string // os/arch, empty: the engine's own
	Args       map[string]string
}

type imageInputs struct {
	Build          imageBuild `pulumi:"build,optional"`
	BuildOnPreview bool       `pulumi:"buildOnPreview,optional"`
	ImageName      string     `pulumi:"imageName"`
	SkipPush       bool       `pulumi:"skipPush,optional"`
}

type imageBuild struct {
	Args           map[string]string `pulumi:"args,optional"`
	BuilderVersion string            `pulumi:"builderVersion,optional"`
	Context        string            `pulumi:"context,optional"`
	Dockerfile     string            `pulumi:"dockerfile,optional"`
	Platform       string            `pulumi:"platform,optional"`
	Target         string            `pulumi:"target,optional"`
}

// sourceTag is a tag that holds the hash of what the image is built from.
var sourceTag = lazyregexp.New(`^[0-9a-f]{16,64}$`)

func imageSchema() schema {
	return schema{
		inputs:   reflect.TypeFor[imageInputs](),
		changes:  map[string]change{"build": update, "buildOnPreview": bookkeeper, "skipPush": bookkeeper},
		validate: validateImage,
	}
}

func validateImage(m property.Map) (errs []error) {
	in, err := decode[imageInputs](m)
	if err != nil {
		return []error{err}
	}
	if !in.SkipPush {
		errs = append(errs, &propertyError{"skipPush", "is not true, and pushing is not implemented by envctl's docker provider: set it, " + wayOut[len("leave it out, "):]})
	}
	if in.BuildOnPreview {
		errs = append(errs, &propertyError{"buildOnPreview", "is true, but a preview of envctl's docker provider writes nothing: " + wayOut})
	}
	if v := in.Build.BuilderVersion; v != "" && v != "BuilderBuildKit" {
		errs = append(errs, &propertyError{"build.builderVersion", fmt.Sprintf("is %q; envctl's docker provider builds with BuilderBuildKit only: %s", v, wayOut)})
	}
	named, err := reference.ParseNormalizedNamed(in.ImageName)
	if err != nil {
		return append(errs, &propertyError{"imageName", fmt.Sprintf("%q is not an image name: %v", in.ImageName, err)})
	}
	if t, ok := named.(reference.Tagged); !ok || !sourceTag().MatchString(t.Tag()) {
		errs = append(errs, &propertyError{"imageName", fmt.Sprintf("%q: the tag must be the hash of the image's sources (16 to 64 hex digits), "+
			"which is how envctl's docker provider sees that they changed; give it one, %s", in.ImageName, wayOut[len("leave it out, "):])})
	}
	return errs
}

// images handles docker.Image; the id is the image's name.
type images struct {
	api     imageAPI
	builder Builder
	host    string
}

func (h images) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	in, err := decode[imageInputs](req.Properties)
	if err != nil {
		return p.CreateResponse{}, err
	}
	if req.DryRun {
		return p.CreateResponse{Properties: withUnknown(imageOutputs(req.Properties, in), "repoDigest")}, nil
	}
	_, err = h.api.ImageInspect(ctx, in.ImageName)
	if cerrdefs.IsNotFound(err) {
		err = h.build(ctx, in)
	}
	if err != nil {
		return p.CreateResponse{}, explain(err, h.host, fmt.Sprintf("build image %q", in.ImageName))
	}
	return p.CreateResponse{ID: in.ImageName, Properties: imageOutputs(req.Properties, in)}, nil
}

func (h images) build(ctx context.Context, in imageInputs) error {
	if h.builder == nil {
		return fmt.Errorf("the image is not on the engine, and this process cannot build: Options.Builder is not set")
	}
	req := BuildRequest{Tag: in.ImageName, Target: in.Build.Target, Platform: in.Build.Platform, Args: in.Build.Args}
	var err error
	if req.Context, err = filepath.Abs(in.context()); err != nil {
		return err
	}
	if in.Build.Dockerfile != "" {
		if req.Dockerfile, err = filepath.Abs(in.Build.Dockerfile); err != nil {
			return err
		}
	}
	return h.builder.Build(ctx, req)
}

func (h images) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	_, err := h.api.ImageInspect(ctx, req.ID)
	if cerrdefs.IsNotFound(err) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, explain(err, h.host, fmt.Sprintf("look at image %q", req.ID))
	}
	inputs := req.Inputs
	if inputs.Len() == 0 {
		inputs = encode(imageInputs{ImageName: req.ID, SkipPush: true})
	}
	in, err := decode[imageInputs](inputs)
	return p.ReadResponse{ID: req.ID, Inputs: inputs, Properties: imageOutputs(inputs, in)}, err
}

// update builds anew under the same name: the way it is built has changed.
func (h images) update(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	in, err := decode[imageInputs](req.Inputs)
	if err != nil {
		return p.UpdateResponse{}, err
	}
	if _, changed := imageSchema().diff(p.DiffRequest{OldInputs: req.OldInputs, Inputs: req.Inputs}).DetailedDiff["build"]; changed && !req.DryRun {
		if err := h.build(ctx, in); err != nil {
			return p.UpdateResponse{}, explain(err, h.host, fmt.Sprintf("build image %q", in.ImageName))
		}
	}
	return p.UpdateResponse{Properties: imageOutputs(req.Inputs, in)}, nil
}

// delete removes the name, and the image with its last name; one that a
// container uses stays.
func (h images) delete(ctx context.Context, req p.DeleteRequest) error {
	err := removeName(ctx, h.api, req.ID, false)
	return explain(err, h.host, fmt.Sprintf("remove image %q", req.ID))
}

func (in imageInputs) context() string {
	if in.Build.Context == "" {
		return "."
	}
	return in.Build.Context
}

// imageOutputs are the outputs of the official plugin; registryServer is empty
// because nothing is pushed, and so is what a push would give.
func imageOutputs(inputs property.Map, in imageInputs) property.Map {
	dockerfile := "Dockerfile"
	if in.Build.Dockerfile != "" {
		dockerfile = in.Build.Dockerfile
		if rel, err := filepath.Rel(in.context(), dockerfile); err == nil {
			dockerfile = rel
		}
	}
	return overlay(inputs, property.NewMap(map[string]property.Value{
		"baseImageName": property.New(in.ImageName), "imageName": property.New(in.ImageName),
		"context": property.New(in.context()), "dockerfile": property.New(dockerfile),
		"registryServer": property.New(""),
	}))
}
