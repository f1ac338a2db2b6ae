package docker

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker/source"
)

// addLayer builds the tagged image: the base plus one layer of added files.
func (e *Engine) addLayer(ctx context.Context, r BuildRequest, layer source.Layer, events func(BuildEvent)) (string, error) {
	layer, err := e.newEntries(ctx, baseTag(r.Tag), r.Labels, layer)
	if err != nil {
		return "", err
	}
	files, err := source.LayerContext(layer)
	if err != nil {
		return "", fmt.Errorf("read the files to add: %w", err)
	}
	// ADD unpacks a tar and keeps what it says of owners, modes and times.
	// Folders that the image has are not in it, so theirs stay as they are.
	dockerfile := "FROM " + baseTag(r.Tag) + "\nADD layer.tar /\n"
	return e.solve(ctx, solvePlan{
		context: files, dockerfile: source.TextFile("Dockerfile", dockerfile),
		dockerfilePath: "(added files)", sharedKey: sharedKey("files of " + r.Tag),
		options: client.ImageBuildOptions{
			Dockerfile: "Dockerfile", Tags: []string{r.Tag}, Labels: r.Labels, NoCache: r.NoCache,
		},
	}, events)
}

// newEntries drops the folders that the image has and refuses a file in the
// place of a folder.
func (e *Engine) newEntries(ctx context.Context, image string, labels map[string]string, layer source.Layer) (source.Layer, error) {
	var kept source.Layer
	missing := map[string]bool{} // folders that the image does not have
	err := e.withIdle(ctx, image, labels, nil, func(id string) error {
		for _, entry := range layer {
			isNew := missing[path.Dir(entry.Path)]
			if !isNew {
				var err error
				if isNew, err = e.isNew(ctx, id, entry); err != nil {
					return err
				}
			}
			if isNew {
				missing[entry.Path] = entry.IsDir()
				kept = append(kept, entry)
			}
		}
		return nil
	})
	return kept, err
}

// isNew says whether an entry has to be added to an image that is looked into
// through a container.
func (e *Engine) isNew(ctx context.Context, id string, entry source.Entry) (bool, error) {
	stat, err := e.statPath(ctx, id, entry.Path)
	switch {
	case cerrdefs.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("look at %q in the built image: %w", entry.Path, err)
	case entry.IsDir() && !stat.Mode.IsDir():
		return false, fmt.Errorf("files: %q in the image is a file and cannot hold added files; choose another destination", entry.Path)
	case !entry.IsDir() && stat.Mode.IsDir():
		return false, fmt.Errorf("files: %q in the image is a folder; name the file in it, as in %q", entry.Path, entry.Path+"/NAME")
	default:
		return !entry.IsDir(), nil
	}
}

// statPath follows symbolic links within the image.
func (e *Engine) statPath(ctx context.Context, id, name string) (container.PathStat, error) {
	for range 16 {
		answer, err := e.api.ContainerStatPath(ctx, id, client.ContainerStatPathOptions{Path: name})
		if err != nil {
			return container.PathStat{}, err
		}
		stat := answer.Stat
		if stat.Mode&os.ModeSymlink == 0 || stat.LinkTarget == "" {
			return stat, nil
		}
		target := stat.LinkTarget // the engine resolves it to an absolute path
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(name), target)
		}
		name = target
	}
	return container.PathStat{}, fmt.Errorf("too many symbolic links at %q", name)
}
