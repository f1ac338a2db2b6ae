package docker

import (
	"context"
	"fmt"

	"github.com/moby/moby/client"
)

// Tag gives an image that the engine has another name, NAME:TAG. A name that
// another image had is taken from it.
func (e *Engine) Tag(ctx context.Context, id, tag string) error {
	if _, err := e.api.ImageTag(ctx, client.ImageTagOptions{Source: id, Target: tag}); err != nil {
		return fmt.Errorf("tag the image %s as %s: %w", short(id), tag, err)
	}
	return nil
}
