package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/runner/archive"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/registry"
)

// failure is why a workload does not run, where the machinery is well.
type failure struct {
	reason  string // one word, as Container Apps has it
	message string
}

func (f *failure) Error() string { return f.reason + ": " + f.message }

func pullFailure(ref, format string, args ...any) error {
	return &failure{"ImagePullFailure", fmt.Sprintf("image %q cannot be pulled: ", ref) + fmt.Sprintf(format, args...)}
}

// loaded is an image that the engine has.
type loaded struct {
	id   string
	tag  string // the name it was given here; empty: it is not ours
	user int64
}

// images makes sure that the engine has the images of every container of spec, in
// the order of spec.Init, with that of the container itself at the end.
func (r *Runner) images(ctx context.Context, spec run.Spec) ([]loaded, error) {
	repository := r.repository(spec.ID, spec.Tags)
	var out []loaded
	for _, c := range append(slices.Clone(spec.Init), spec.Container) {
		img, err := r.image(ctx, repository, c.Image)
		if err != nil {
			return nil, err
		}
		out = append(out, img)
	}
	return out, nil
}

// imageTries bounds how often images are given to the engine for one workload.
const imageTries = 5

// withImages calls place with the images of spec, and with images that are given to the
// engine anew where it says that one is not there: the engine removes an image with its
// last name in two steps, and between them another experiment's image, which is the same
// one (that of a program that envctl carries), can get its name.
func (r *Runner) withImages(ctx context.Context, spec run.Spec, place func([]loaded) error) ([]loaded, error) {
	for try := 1; ; try++ {
		images, err := r.images(ctx, spec)
		if err == nil {
			err = place(images)
		}
		if try == imageTries || !cerrdefs.IsNotFound(err) || !strings.Contains(err.Error(), "No such image") {
			return images, err
		}
	}
}

func (r *Runner) image(ctx context.Context, repository string, want run.Image) (loaded, error) {
	if want.Store == "" {
		found, ok, err := r.engine.ResolveImage(ctx, want.Ref)
		if err != nil {
			return loaded{}, err
		}
		if !ok {
			return loaded{}, pullFailure(want.Ref, "the engine does not have it, and a simulation pulls nothing from outside: `docker pull` it first, or use an image of the experiment's registry")
		}
		return loaded{id: found.ID, user: userOf(found.User)}, nil
	}
	about, err := r.about(ctx)
	if err != nil {
		return loaded{}, err
	}
	if _, err := os.Stat(want.Store); err != nil {
		return loaded{}, pullFailure(want.Ref, "its registry has no content")
	}
	store, err := registry.Open(want.Store)
	if err != nil {
		return loaded{}, err
	}
	source, err := archive.Find(store, want.Repository, want.Digest, about.architecture)
	var platform *archive.PlatformError
	switch {
	case registry.IsNotFound(err):
		return loaded{}, pullFailure(want.Ref, "its registry has no %s in repository %q", want.Digest, want.Repository)
	case errors.As(err, &platform):
		return loaded{}, pullFailure(want.Ref, "%v", err)
	case err != nil:
		return loaded{}, fmt.Errorf("read image %q: %w", want.Ref, err)
	}
	tag := repository + ":" + source.Manifest.Encoded()[:16]
	found, err := r.load(ctx, source, tag)
	return loaded{id: found.ID, tag: tag, user: userOf(found.User)}, err
}

// load gives the engine an image that it does not have, and the image a name.
func (r *Runner) load(ctx context.Context, source *archive.Image, tag string) (docker.Image, error) {
	for _, id := range []string{source.Config.String(), source.Manifest.String()} {
		found, ok, err := r.engine.ResolveImage(ctx, id)
		if err != nil {
			return found, err
		}
		if !ok {
			continue
		}
		if slices.Contains(found.Tags, tag) {
			return found, nil
		}
		return found, r.engine.Tag(ctx, id, tag)
	}
	read, write := io.Pipe()
	go func() { _ = write.CloseWithError(source.Write(write, tag)) }()
	found, err := r.engine.LoadImage(ctx, read)
	_ = read.Close() // ends a writer that nobody reads from
	if err != nil {
		return found, fmt.Errorf("give the engine image %s: %w", source.Manifest, err)
	}
	if found.ID != source.Config.String() && found.ID != source.Manifest.String() {
		return found, fmt.Errorf("the engine made image %s of %s (configuration %s), which is another one: report it with the engine's version",
			found.ID, source.Manifest, source.Config)
	}
	return found, nil
}

// userOf is the user that an image names by number; root and names are not let in,
// and [plan.DefaultUser] stands for them, as in a local sandbox.
func userOf(name string) int64 {
	name, _, _ = strings.Cut(name, ":")
	if id, err := strconv.ParseInt(name, 10, 64); err == nil && id > 0 {
		return id
	}
	return plan.DefaultUser
}

// untag removes the names in a repository (a pattern of path.Match), and with its
// last name an image that no container has; keep stays.
func (r *Runner) untag(ctx context.Context, repository string, keep []string) (int, error) {
	names, err := r.tags(ctx, repository)
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, name := range names {
		if slices.Contains(keep, name) {
			continue
		}
		if err := r.removeName(ctx, name); err != nil {
			return removed, fmt.Errorf("remove image %s: %w", name, err)
		}
		removed++
	}
	return removed, nil
}

// tags lists the names in a repository.
func (r *Runner) tags(ctx context.Context, repository string) ([]string, error) {
	list, err := r.engine.Client().ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("reference", repository)})
	if err != nil {
		return nil, fmt.Errorf("list the images of %s: %w", repository, err)
	}
	var out []string
	for _, image := range list.Items {
		for _, tag := range image.RepoTags {
			// An image is listed with all of its names.
			if name, _, _ := strings.Cut(tag, ":"); matches(repository, name) {
				out = append(out, tag)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// removeName removes one name. A container of somebody else may run the image; it
// then stays, without this name.
func (r *Runner) removeName(ctx context.Context, name string) error {
	for _, force := range []bool{false, true} {
		_, err := r.engine.Client().ImageRemove(ctx, name, client.ImageRemoveOptions{PruneChildren: true, Force: force})
		switch {
		case err == nil, cerrdefs.IsNotFound(err):
			return nil
		case !force && (cerrdefs.IsConflict(err) || strings.Contains(err.Error(), "unrecognized image ID")):
			continue // two names that go at once surprise the engine; the next try tells
		default:
			return err
		}
	}
	return nil
}
