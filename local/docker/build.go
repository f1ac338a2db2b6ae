package docker

import (
	"context"
	"fmt"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker/source"
)

// BuildRequest is an image to build.
type BuildRequest struct {
	Context    string            // folder, absolute
	Dockerfile string            // absolute, or relative to Context; "" is Dockerfile
	Target     string            // the stage to build; "" is the last
	Args       map[string]string // build arguments
	Labels     map[string]string // of the image
	Tag        string            // NAME:TAG that the finished image gets; needed when Files is not empty
	NoCache    bool              // build every step anew
	// Files are added on top as one layer, owned by 0:0 with fixed times:
	// absolute file or folder here → absolute path in the image.
	Files map[string]string
}

func (r BuildRequest) recipe() source.Recipe {
	return source.Recipe{Context: r.Context, Dockerfile: r.Dockerfile, Target: r.Target, Args: r.Args, Files: r.Files}
}

// SourceHash is the SHA-256 (sha256:…) of everything that a build reads; see
// [source.Recipe.Hash]. Tag, labels and cache use are no part of it.
func SourceHash(ctx context.Context, r BuildRequest) (string, error) { return r.recipe().Hash(ctx) }

// Build builds an image with the engine's BuildKit and returns it as the engine
// has it. The tag is set only when all of it is done. Events, when not nil, are
// called from one goroutine, in order. A failed step is a [*BuildError]. When
// ctx ends, the engine stops the build.
func (e *Engine) Build(ctx context.Context, r BuildRequest, events func(BuildEvent)) (Image, error) {
	recipe := r.recipe()
	if err := recipe.Check(); err != nil {
		return Image{}, err
	}
	if err := checkTag(r); err != nil {
		return Image{}, err
	}
	layer, err := recipe.Layer()
	if err != nil {
		return Image{}, err
	}
	plan, err := recipeSolve(r, recipe)
	if err != nil {
		return Image{}, err
	}
	if len(layer) == 0 {
		id, err := e.solve(ctx, plan, events)
		if err != nil {
			return Image{}, err
		}
		return e.built(ctx, id)
	}
	plan.options.Tags = []string{baseTag(r.Tag)}
	if _, err := e.solve(ctx, plan, events); err != nil {
		return Image{}, err
	}
	id, err := e.addLayer(ctx, r, layer, events)
	if err != nil {
		return Image{}, err
	}
	if _, err := e.api.ImageRemove(ctx, baseTag(r.Tag), client.ImageRemoveOptions{}); err != nil && !cerrdefs.IsNotFound(err) {
		return Image{}, fmt.Errorf("remove the intermediate image %s: %w", baseTag(r.Tag), err)
	}
	return e.built(ctx, id)
}

func (e *Engine) built(ctx context.Context, id string) (Image, error) {
	img, ok, err := e.ResolveImage(ctx, id)
	if err == nil && !ok {
		err = fmt.Errorf("the engine built image %s and does not have it; was it removed meanwhile?", id)
	}
	return img, err
}

// baseTag names the image below the added files while they are added.
func baseTag(tag string) string { return tag + "-base" }

func checkTag(r BuildRequest) error {
	if r.Tag == "" {
		if len(r.Files) > 0 {
			return fmt.Errorf("the build of %q adds files and has no tag; it needs one", r.Context)
		}
		return nil
	}
	ref, err := reference.ParseNormalizedNamed(r.Tag)
	if err != nil {
		return fmt.Errorf("image tag %q: %w", r.Tag, err)
	}
	if _, ok := ref.(reference.Tagged); !ok || strings.Contains(r.Tag, "@") {
		return fmt.Errorf("image tag %q has not the form NAME:TAG", r.Tag)
	}
	if _, err := reference.ParseNormalizedNamed(baseTag(r.Tag)); err != nil {
		return fmt.Errorf("image tag %q is too long: %w", r.Tag, err)
	}
	return nil
}
