package docker

import (
	"context"
	"fmt"
	"io"
)

// SaveImage returns an image as an archive: what `docker save` writes, a
// docker-archive or, by engines that have it, an OCI layout. An error of the
// engine in the middle ends the stream early.
func (e *Engine) SaveImage(ctx context.Context, ref string) (io.ReadCloser, error) {
	archive, err := e.api.ImageSave(ctx, []string{ref})
	if err != nil {
		return nil, fmt.Errorf("save image %q: %w", ref, err)
	}
	return archive, nil
}
