// Package images turns what a definition says of images into digests: it builds
// once for each source, pins what a tag meant in envctl.lock, and never moves a
// tag or a digest behind a user's back.
package images

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
)

// Engine is what images are resolved, pulled and built with.
type Engine interface {
	ResolveImage(ctx context.Context, ref string) (docker.Image, bool, error)
	Pull(ctx context.Context, ref string, events func(docker.BuildEvent)) (docker.Image, error)
	Build(ctx context.Context, r docker.BuildRequest, events func(docker.BuildEvent)) (docker.Image, error)
	Tag(ctx context.Context, id, tag string) error
}

// Resolver resolves the images of one experiment.
type Resolver struct {
	Engine Engine
	// Owner names the experiment's instance in tags of built images:
	// EXPERIMENT.INSTANCE.
	Owner string
	// Labels are put on every built image.
	Labels map[string]string
	// Lock holds what tags meant; new pins are added to it.
	Lock *Lock
	// Pulled says whether this experiment pulled an image earlier, so that it
	// may remove it again. What the engine had before is never removed.
	Pulled func(ref string) bool
	// Derived is a folder for generated build contexts, stable over calls.
	Derived string
	// Restore gives the engine an image back that was built of a source and that the
	// engine has lost, under its tag; false where nobody keeps it. Nil: nobody does.
	Restore func(ctx context.Context, workload, source, tag string) (docker.Image, bool, error)
	// DryRun builds and pulls nothing: an image that is not there yet gets a
	// digest made from its source, which differs whenever the source does.
	DryRun bool
	// OnEvent gets progress of the build or pull for a workload; nil: none.
	// Calls come one at a time.
	OnEvent func(workload string, ev docker.BuildEvent)

	emit   sync.Mutex
	builds once[docker.Image] // by source
	pins   once[plan.Image]   // by reference
}

// maxParallel bounds builds under way at once; BuildKit runs steps of each in
// parallel by itself.
const maxParallel = 4

// Resolve returns an image for every workload of the definition.
func (r *Resolver) Resolve(ctx context.Context, def *definition.Definition) (map[string]plan.Image, error) {
	workloads := map[string]definition.Workload{}
	for name, a := range def.Apps {
		workloads[name] = a.Workload
	}
	for name, j := range def.Jobs {
		workloads[name] = j.Workload
	}
	out := make(map[string]plan.Image, len(workloads))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for _, name := range slices.Sorted(maps.Keys(workloads)) {
		group.Go(func() error {
			img, err := r.resolve(ctx, def.Dir, name, workloads[name])
			if err != nil {
				return fmt.Errorf("image of %q: %w", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			out[name] = img
			return nil
		})
	}
	return out, group.Wait()
}

func (r *Resolver) resolve(
	ctx context.Context, dir, name string, w definition.Workload,
) (plan.Image, error) {
	if w.Build != nil {
		return r.build(ctx, name, plan.Build{
			Context: filepath.Join(dir, w.Build.Context), Dockerfile: w.Build.Dockerfile,
			Target: w.Build.Target, Args: w.Build.Args, Files: sources(dir, w.Files),
		})
	}
	// Workloads that share an image get one answer: asked twice, the second would
	// take what the first has just pulled for an image that was there before.
	img, err := r.pins.do(w.Image, func() (plan.Image, error) { return r.pinned(ctx, name, w.Image) })
	if err != nil || len(w.Files) == 0 {
		return img, err
	}
	return r.extend(ctx, dir, name, w, img)
}

// sources makes the host side of added files absolute.
func sources(dir string, files map[string]string) map[string]string {
	if len(files) == 0 {
		return nil
	}
	out := make(map[string]string, len(files))
	for from, to := range files {
		out[filepath.Join(dir, from)] = to
	}
	return out
}

// extend adds files to an image that is not built here, by a build of one line.
func (r *Resolver) extend(
	ctx context.Context, dir, name string, w definition.Workload, base plan.Image,
) (plan.Image, error) {
	from, err := r.baseName(ctx, w.Image, base)
	if err != nil {
		return plan.Image{}, err
	}
	folder := filepath.Join(r.Derived, r.Owner, name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return plan.Image{}, err
	}
	content := []byte("FROM " + from + "\n")
	if from != base.Ref { // a name can move; the hash of the source goes by what it means
		content = slices.Concat([]byte("# "+base.Ref+"\n"), content)
	}
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), content, 0o600); err != nil {
		return plan.Image{}, err
	}
	return r.build(ctx, name, plan.Build{Context: folder, Dockerfile: "Dockerfile", Files: sources(dir, w.Files)})
}

// baseName is what a Dockerfile can call the image: a Dockerfile takes no image
// ID, so an image that only the engine has goes by the name it has there.
func (r *Resolver) baseName(ctx context.Context, asked string, base plan.Image) (string, error) {
	if !strings.HasPrefix(base.Ref, "sha256:") {
		return base.Ref, nil
	}
	img, ok, err := r.Engine.ResolveImage(ctx, asked)
	if err != nil || !ok && r.DryRun {
		return asked, err
	}
	if !ok || img.ID != base.Ref {
		return "", &MovedError{Ref: asked, Pinned: base.Ref, Now: img.ID}
	}
	if asked != base.Ref {
		return asked, nil
	}
	if len(img.Tags) == 0 {
		return "", fmt.Errorf("files can be added only to an image with a name, and %s has none: give it one with `docker tag`", asked)
	}
	return slices.Min(img.Tags), nil
}

// build makes the image unless the engine has one of the same source: its tag
// holds the hash of everything that the build reads.
func (r *Resolver) build(ctx context.Context, name string, b plan.Build) (plan.Image, error) {
	req := docker.BuildRequest{
		Context: b.Context, Dockerfile: b.Dockerfile, Target: b.Target, Args: b.Args, Files: b.Files, Labels: r.Labels,
	}
	source, err := docker.SourceHash(ctx, req)
	if err != nil {
		return plan.Image{}, err
	}
	b.Source = source
	req.Tag = fmt.Sprintf("envctl/%s/%s:%.16s", r.Owner, name, strings.TrimPrefix(source, "sha256:"))
	img, ok, err := r.Engine.ResolveImage(ctx, req.Tag)
	switch {
	case err != nil:
		return plan.Image{}, err
	case !ok && r.DryRun:
		img.ID = source
	case !ok:
		if img, ok, err = r.restore(ctx, name, source, req.Tag); err != nil {
			return plan.Image{}, err
		}
		if ok {
			break
		}
		if img, err = r.once(ctx, name, source, req); err != nil {
			return plan.Image{}, err
		}
	}
	return plan.Image{Ref: img.ID, Tag: req.Tag, Build: &b}, nil
}

func (r *Resolver) restore(ctx context.Context, name, source, tag string) (docker.Image, bool, error) {
	if r.Restore == nil {
		return docker.Image{}, false, nil
	}
	img, ok, err := r.Restore(ctx, name, source, tag)
	if err != nil || !ok || slices.Contains(img.Tags, tag) {
		return img, ok, err
	}
	return img, true, r.Engine.Tag(ctx, img.ID, tag)
}

// once builds a source once, also where several workloads share it, and gives the
// image the name that the request asks for.
func (r *Resolver) once(ctx context.Context, name, source string, req docker.BuildRequest) (docker.Image, error) {
	img, err := r.builds.do(source, func() (docker.Image, error) { return r.Engine.Build(ctx, req, r.events(name)) })
	if err != nil || slices.Contains(img.Tags, req.Tag) {
		return img, err
	}
	return img, r.Engine.Tag(ctx, img.ID, req.Tag)
}

// pinned returns the digest that an image reference means: by itself, by
// envctl.lock, or, the first time, by what the engine or the registry has.
func (r *Resolver) pinned(ctx context.Context, name, ref string) (plan.Image, error) {
	digest, ok := r.Lock.Pin(ref)
	if isDigest(ref) {
		digest, ok = withoutTag(ref), true
	}
	if ok {
		return r.present(ctx, name, ref, digest)
	}
	img, have, err := r.Engine.ResolveImage(ctx, ref)
	if err != nil {
		return plan.Image{}, err
	}
	if !have && r.DryRun {
		return plan.Image{Ref: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(ref)))}, nil
	}
	if !have {
		if img, err = r.Engine.Pull(ctx, ref, r.events(name)); err != nil {
			return plan.Image{}, err
		}
	}
	digest = digestOf(ref, img)
	r.Lock.Set(ref, digest)
	if have && !r.Pulled(digest) {
		return r.kept(ctx, digest, img)
	}
	return plan.Image{Ref: digest}, nil
}

// kept is an image that was there before the experiment. The containerd store
// names a digest for every image, whether a registry has it or not, and forgets an
// image when a build gives its name to another: there it goes by its ID, which is
// that digest, and gets a second name.
func (r *Resolver) kept(ctx context.Context, digest string, img docker.Image) (plan.Image, error) {
	if !strings.HasSuffix(digest, "@"+img.ID) {
		return plan.Image{Ref: digest, Keep: true}, nil
	}
	hold := fmt.Sprintf("%s:%.16s", HeldRepository(r.Owner), strings.TrimPrefix(img.ID, "sha256:"))
	if r.DryRun || slices.Contains(img.Tags, hold) {
		return plan.Image{Ref: img.ID, Keep: true}, nil
	}
	return plan.Image{Ref: img.ID, Keep: true}, r.Engine.Tag(ctx, img.ID, hold)
}

// HeldRepository is where images that were there before an experiment have their
// second name.
func HeldRepository(owner string) string { return "envctl/" + owner + "/held" }

// present makes sure that the engine has a pinned image.
func (r *Resolver) present(ctx context.Context, name, ref, digest string) (plan.Image, error) {
	img, have, err := r.Engine.ResolveImage(ctx, digest)
	if _, id, named := strings.Cut(digest, "@"); err == nil && !have && named {
		img, have, err = r.Engine.ResolveImage(ctx, id) // the containerd store's, by another name
	}
	switch {
	case err != nil:
		return plan.Image{}, err
	case have && r.Pulled(digest):
		return plan.Image{Ref: digest}, nil
	case have:
		return r.kept(ctx, digest, img)
	case strings.HasPrefix(digest, "sha256:"):
		return plan.Image{}, &MissingError{Ref: ref, ID: digest}
	case r.DryRun:
		return plan.Image{Ref: digest}, nil
	}
	if _, err := r.Engine.Pull(ctx, digest, r.events(name)); err != nil {
		return plan.Image{}, fmt.Errorf("%q: this engine has no such image: %w", ref, err)
	}
	return plan.Image{Ref: digest}, nil
}

func (r *Resolver) events(name string) func(docker.BuildEvent) {
	if r.OnEvent == nil {
		return nil
	}
	return func(ev docker.BuildEvent) {
		r.emit.Lock()
		defer r.emit.Unlock()
		r.OnEvent(name, ev)
	}
}

func isDigest(ref string) bool {
	return strings.Contains(ref, "@sha256:") || strings.HasPrefix(ref, "sha256:")
}

// withoutTag drops the tag of NAME:TAG@DIGEST: the digest alone says what it is.
func withoutTag(ref string) string {
	name, digest, ok := strings.Cut(ref, "@")
	if !ok {
		return ref
	}
	return repository(name) + "@" + digest
}

// repository drops the tag of NAME:TAG; a colon before a slash is a port's.
func repository(name string) string {
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		return name[:i]
	}
	return name
}

// digestOf is how an image is called for good: by the digest its registry gave
// it, or by its ID where only this engine has it.
func digestOf(ref string, img docker.Image) string {
	repo := repository(ref)
	for _, d := range img.RepoDigests {
		if name, _, _ := strings.Cut(d, "@"); familiar(name) == familiar(repo) {
			return d
		}
	}
	return img.ID
}

// familiar drops what the engine leaves out of names of Docker Hub.
func familiar(repo string) string {
	return strings.TrimPrefix(strings.TrimPrefix(repo, "docker.io/"), "library/")
}

// MissingError is a pinned image that only another engine has.
type MissingError struct{ Ref, ID string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("%q is pinned to the image ID %s in %s, and this engine has no such image", e.Ref, e.ID, LockFile)
}

// Hint says how to mend it.
func (e *MissingError) Hint() string {
	return fmt.Sprintf("load or build that image here, or delete the line of %q in %s to pin what the name means now", e.Ref, LockFile)
}

// MovedError is a local name that means another image than the pinned one.
type MovedError struct{ Ref, Pinned, Now string }

func (e *MovedError) Error() string {
	return fmt.Sprintf("%q meant %s when it was pinned in %s and means %q now", e.Ref, e.Pinned, LockFile, e.Now)
}

// Hint says how to mend it.
func (e *MovedError) Hint() string {
	return fmt.Sprintf("tag the pinned image again, or delete the line of %q in %s to take the new one", e.Ref, LockFile)
}
