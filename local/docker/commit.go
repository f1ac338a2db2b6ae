package docker

import (
	"context"
	"fmt"
	"io"
	"maps"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// LayerSpec is an image to make of another and one layer of files.
type LayerSpec struct {
	Base   string // reference or ID
	Tag    string // NAME:TAG that the image gets
	Labels map[string]string
	// Making are the labels of the container that is there while it is made.
	Making map[string]string
	// Write writes the layer's files as an uncompressed tar.
	Write func(w io.Writer) error
}

// AddLayer makes an image of a base and one layer, and returns it. No program runs
// for it: the files go into a container that is never started.
func (e *Engine) AddLayer(ctx context.Context, spec LayerSpec) (Image, error) {
	labels := map[string]string{}
	for name := range spec.Making {
		labels[name] = "" // else the image would have the container's
	}
	maps.Copy(labels, spec.Labels)
	var id string
	err := e.withIdle(ctx, spec.Base, spec.Making, nil, func(idle string) error {
		if err := e.copyIn(ctx, idle, InputSpec{Path: "/", Write: spec.Write}); err != nil {
			return err
		}
		made, err := e.api.ContainerCommit(ctx, idle, client.ContainerCommitOptions{
			Reference: spec.Tag, NoPause: true, Config: &container.Config{Labels: labels},
		})
		if err != nil {
			return fmt.Errorf("make the image %s: %w", spec.Tag, err)
		}
		id = made.ID
		return nil
	})
	if err != nil {
		return Image{}, err
	}
	return e.built(ctx, id)
}
