package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/registry"
	"github.com/envctl/envctl/local/registry/archive"
	"github.com/envctl/envctl/stacks"
)

// publishers bounds how many images are saved by the engine at once.
const publishers = 2

// publish puts the images that were built into the local registry, each once, and
// notes under which digest it is there. What is there already costs a look at a few
// small files.
func (t *Target) publish(ctx context.Context, p stacks.Preparation, images map[string]plan.Image) error {
	byID := map[string][]string{} // workloads by the image that they share
	for _, name := range slices.Sorted(maps.Keys(images)) {
		if images[name].Build != nil {
			byID[images[name].Ref] = append(byID[images[name].Ref], name)
		}
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(publishers)
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		group.Go(func() error {
			source := ""
			for _, name := range byID[id] {
				mu.Lock()
				img := images[name]
				mu.Unlock()
				img.Repository = registry.RepositoryOf(p.Ref.Experiment, name)
				d, err := t.kept(ctx, p, name, img, source)
				if err != nil {
					return &KeepError{Workload: name, Dir: t.Registry.Store.Dir(), Err: err}
				}
				if img.Digest = d.String(); d == "" {
					img.Repository = "" // a preview makes nothing
				}
				source = img.Repository
				mu.Lock()
				images[name] = img
				mu.Unlock()
			}
			return nil
		})
	}
	return group.Wait()
}

// KeepError is an image that could not be put into the local registry.
type KeepError struct {
	Workload, Dir string
	Err           error
}

func (e *KeepError) Error() string {
	return fmt.Sprintf("image of %q: keep it in the local registry: %v", e.Workload, e.Err)
}

func (e *KeepError) Unwrap() error { return e.Err }

// Hint says how to mend it.
func (e *KeepError) Hint() string {
	if rebuilt := (*RebuiltError)(nil); errors.As(e.Err, &rebuilt) {
		return rebuilt.Hint()
	}
	if errors.Is(e.Err, syscall.ENOSPC) || errors.Is(e.Err, syscall.EDQUOT) {
		return fmt.Sprintf("free some space on the disk of %s (an image needs up to twice its size while it is taken in), or set ENVCTL_STATE_DIR to a folder elsewhere", e.Dir)
	}
	return "run the same command again: layers that the registry has already are not taken in anew"
}

// kept returns the digest of a built image in the registry and puts it there where
// it is missing; source is a repository that has it, where one is known.
func (t *Target) kept(
	ctx context.Context, p stacks.Preparation, name string, img plan.Image, source string,
) (digest.Digest, error) {
	tag := registry.TagOf(p.Ref.Instance, img.Build.Source)
	d, ok, err := t.Registry.Store.Complete(img.Repository, tag)
	switch {
	case err != nil:
		return "", err
	case ok && p.DryRun && img.Ref == img.Build.Source:
		return d, nil // the engine has lost it and would get it back
	case ok:
		return d, t.same(img, tag, d)
	case p.DryRun:
		return "", nil
	}
	if source != "" {
		if d, ok, err := t.Registry.Store.CopyTag(ctx, source, img.Repository, tag); ok || err != nil {
			return d, err
		}
	}
	d, err = t.importImage(ctx, img.Repository, tag, img.Tag, img.Ref)
	if err == nil {
		p.OnEvent(stacks.Event{
			Type: stacks.EventLog, Phase: "build", Resource: name, Kind: "image", Severity: "info",
			State: stacks.StateDone, Message: "kept in the local registry as " + d.String(),
		})
	}
	return d, err
}

// same holds that the registry has the very image of the engine: a source is built
// once, and its tag never moves.
func (t *Target) same(img plan.Image, tag string, d digest.Digest) error {
	id, err := archive.Config(t.Registry.Store, img.Repository, d)
	if err != nil || img.Ref == d.String() || img.Ref == id.String() {
		return err
	}
	return &RebuiltError{Tag: img.Tag, Registry: img.Repository + ":" + tag, Kept: d.String(), Now: img.Ref}
}

// RebuiltError says that the engine's image of a source is another one than the
// registry keeps: somebody built it anew, or moved its name, behind envctl's back.
type RebuiltError struct{ Tag, Registry, Kept, Now string }

func (e *RebuiltError) Error() string {
	return fmt.Sprintf("the engine's %q is the image %s, and the local registry keeps another image of the same source as %s: %s",
		e.Tag, e.Now, e.Registry, e.Kept)
}

// Hint says how to mend it.
func (e *RebuiltError) Hint() string {
	return fmt.Sprintf("to go on with the kept image: docker rmi %s; to take the new one: envctl down, then envctl up", e.Tag)
}

func (t *Target) importImage(ctx context.Context, repository, tag, name, id string) (d digest.Digest, err error) {
	saved, err := t.Engine.SaveImage(ctx, name)
	if err != nil {
		return "", err
	}
	d, err = archive.Import(ctx, archive.Request{
		Store: t.Registry.Store, Repository: repository, Tag: tag, ImageID: id, Archive: saved,
	})
	return d, errors.Join(err, saved.Close())
}

// Publish puts an image that only the engine has (sha256:…, its ID) into the local
// registry for a workload of an instance, and returns what the registry calls it:
// what promotes an experiment needs every image in a registry.
func (t *Target) Publish(ctx context.Context, ref stacks.Ref, workload, id string) (plan.Image, error) {
	img := plan.Image{Ref: id, Keep: true, Repository: registry.RepositoryOf(ref.Experiment, workload)}
	tag := registry.ImageTagOf(ref.Instance, id)
	d, ok, err := t.Registry.Store.Complete(img.Repository, tag)
	if ok && err == nil {
		err = t.same(plan.Image{Ref: id, Tag: id, Repository: img.Repository}, tag, d)
	} else if err == nil {
		d, err = t.importImage(ctx, img.Repository, tag, id, id)
	}
	if err != nil {
		return plan.Image{}, &KeepError{Workload: workload, Dir: t.Registry.Store.Dir(), Err: err}
	}
	img.Digest = d.String()
	return img, nil
}

// restore gives the engine an image back that it has lost and the registry keeps,
// so that a source means the same image for as long as the experiment is there.
func (t *Target) restore(ctx context.Context, ref stacks.Ref, workload, source, tag string) (docker.Image, bool, error) {
	repository := registry.RepositoryOf(ref.Experiment, workload)
	d, ok, err := t.Registry.Store.Complete(repository, registry.TagOf(ref.Instance, source))
	if !ok || err != nil {
		return docker.Image{}, false, err
	}
	arch, err := t.Engine.Arch(ctx)
	if err != nil {
		return docker.Image{}, false, err
	}
	out, in := io.Pipe()
	go func() {
		in.CloseWithError(archive.Export(ctx, t.Registry.Store, repository, d, arch, tag, in))
	}()
	img, err := t.Engine.LoadImage(ctx, out)
	_ = out.CloseWithError(err)
	return img, err == nil, err
}
