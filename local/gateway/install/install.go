// Package install gives a Docker Engine the gateway's image, which is carried by this
// program.
package install

import (
	"context"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
)

// Image makes sure that the engine, whose architecture of Go is arch, has the image of an
// owner (see [gateway.Repository]), and returns its name.
func Image(ctx context.Context, engine *docker.Engine, arch, owner string) (string, error) {
	ref, err := gateway.Ref(arch, owner)
	if err != nil {
		return "", err
	}
	if _, ok, err := engine.ResolveImage(ctx, ref); err != nil || ok {
		return ref, err
	}
	archive, _, err := gateway.Image(arch, owner)
	if err != nil {
		return "", err
	}
	_, err = engine.LoadImage(ctx, archive)
	return ref, err
}
