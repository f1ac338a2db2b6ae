package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/jsonstream"
)

// Image is an image that the engine has.
type Image struct {
	// ID is the engine's: a config digest in the classic store, a manifest
	// digest in the containerd store.
	ID           string            `json:"id"`
	Tags         []string          `json:"tags,omitempty"`
	RepoDigests  []string          `json:"repoDigests,omitempty"` // NAME@sha256:…; none for a local image of the classic store
	User         string            `json:"user,omitempty"`        // as the image says it: a name, a number, with or without group
	Ports        []string          `json:"ports,omitempty"`       // exposed, as in "8080/tcp", sorted
	Labels       map[string]string `json:"labels,omitempty"`
	WorkDir      string            `json:"workDir,omitempty"`
	Entrypoint   []string          `json:"entrypoint,omitempty"`
	Cmd          []string          `json:"cmd,omitempty"`
	Env          []string          `json:"env,omitempty"`
	Volumes      []string          `json:"volumes,omitempty"` // sorted
	Healthcheck  bool              `json:"healthcheck,omitempty"`
	OS           string            `json:"os"`
	Architecture string            `json:"architecture"`
	Layers       []string          `json:"layers,omitempty"` // DiffIDs
	SizeBytes    int64             `json:"sizeBytes"`
}

// ResolveImage returns what the engine has under a reference or an image ID.
// It asks no registry; false means that the engine has no such image.
func (e *Engine) ResolveImage(ctx context.Context, ref string) (Image, bool, error) {
	answer, err := e.api.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return Image{}, false, nil
	}
	if err != nil {
		return Image{}, false, fmt.Errorf("inspect image %q: %w", ref, err)
	}
	found := readImage(answer.InspectResponse)
	e.labels.Store(found.ID, found.Labels)
	return found, true, nil
}

func readImage(raw image.InspectResponse) Image {
	img := Image{
		ID: raw.ID, Tags: raw.RepoTags, RepoDigests: raw.RepoDigests,
		OS: raw.Os, Architecture: raw.Architecture,
		Layers: raw.RootFS.Layers, SizeBytes: raw.Size,
	}
	if c := raw.Config; c != nil {
		img.User, img.WorkDir, img.Labels = c.User, c.WorkingDir, c.Labels
		img.Entrypoint, img.Cmd, img.Env = c.Entrypoint, c.Cmd, c.Env
		img.Ports = slices.Sorted(maps.Keys(c.ExposedPorts))
		img.Volumes = slices.Sorted(maps.Keys(c.Volumes))
		img.Healthcheck = c.Healthcheck != nil && len(c.Healthcheck.Test) > 0 && c.Healthcheck.Test[0] != "NONE"
	}
	return img
}

// LoadImage gives the engine an image archive (as docker save writes it) and
// returns the last image of it.
func (e *Engine) LoadImage(ctx context.Context, tar io.Reader) (Image, error) {
	answer, err := e.api.ImageLoad(ctx, tar)
	if err != nil {
		return Image{}, fmt.Errorf("load the image archive: %w", err)
	}
	defer answer.Close()
	var said bytes.Buffer
	for dec := json.NewDecoder(answer); ; {
		var m jsonstream.Message
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return Image{}, fmt.Errorf("load the image archive: %w", err)
		}
		if m.Error != nil {
			return Image{}, fmt.Errorf("load the image archive: the engine refuses it: %s", m.Error.Message)
		}
		said.WriteString(m.Stream)
	}
	ref := loadedRef(said.String())
	if ref == "" {
		return Image{}, fmt.Errorf("load the image archive: the engine names no image in %q", said.String())
	}
	img, ok, err := e.ResolveImage(ctx, ref)
	if err == nil && !ok {
		err = fmt.Errorf("load the image archive: the engine says it loaded %q and does not have it", ref)
	}
	return img, err
}

// loadedRef reads the last "Loaded image: REF" or "Loaded image ID: sha256:…".
func loadedRef(said string) string {
	ref := ""
	for line := range strings.Lines(said) {
		for _, prefix := range []string{"Loaded image ID: ", "Loaded image: "} {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
				ref = rest
			}
		}
	}
	return ref
}
