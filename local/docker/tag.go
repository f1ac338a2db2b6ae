package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"

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

// Untag removes every tag of repositories, and with its last name each image that
// no container runs. It returns how many tags there were.
func (e *Engine) Untag(ctx context.Context, repositories ...string) (int, error) {
	list, err := e.api.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("reference", repositories...)})
	if err != nil {
		return 0, fmt.Errorf("list the images of %s: %w", strings.Join(repositories, " and "), err)
	}
	removed := 0
	for _, image := range list.Items {
		for _, tag := range image.RepoTags {
			if name, _, _ := strings.Cut(tag, ":"); !slices.Contains(repositories, name) {
				continue
			}
			if err := e.removeImage(ctx, tag); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}
