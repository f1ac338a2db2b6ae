package azure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/registry"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/images"
)

// Images is where the digests of an experiment come from.
type Images struct {
	// Pushed are the images that local runs built and pushed.
	Pushed Pushed
	// Address returns the HOST:PORT that Pushed is served at. With start it runs
	// when Address returns; otherwise it is where it ran last.
	Address func(ctx context.Context, start bool) (string, error)
	// Steward gives the image of the steward, as Address does the others: with start
	// it can be copied when Steward returns.
	Steward func(ctx context.Context, start bool) (target.ImageSource, error)
	// Build builds and pushes what the definition builds, as a local run does; nil
	// where `--build` was not given: only what was pushed is used.
	Build func(ctx context.Context, p stacks.Preparation) (map[string]plan.Image, error)
	// Remove removes the repositories below a prefix from a Container Registry, and
	// returns how many those were; nil: what is on a platform's registry stays.
	Remove func(ctx context.Context, loginServer, prefix string) (int, error)
	// Given are images that are settled already, by workload: of what a promote
	// takes over. Those of a workload that is not here are looked for.
	Given map[string]plan.Image
	// User returns the USER of an image, by HOST/REPOSITORY@DIGEST; nil: as its
	// registry says.
	User func(ctx context.Context, source string) (string, error)
	// Transport reaches the registries that tags are resolved at; nil: net/http.
	Transport http.RoundTripper
	// Keychain has the credentials for them; nil: Docker's.
	Keychain authn.Keychain
}

// Pushed is the store of the local registry (local/registry).
type Pushed interface {
	// Complete returns the digest of a tag, and whether all of its content is there.
	Complete(repository, reference string) (digest.Digest, bool, error)
}

// NotPushedError is a workload whose image nobody has built and pushed yet.
type NotPushedError struct {
	Workload, Source string // the source's hash
}

func (e *NotPushedError) Error() string {
	return fmt.Sprintf("the image of %q has not been built from the source as it is now (%.23s)", e.Workload, e.Source)
}

// Hint says how to mend it.
func (*NotPushedError) Hint() string {
	return "run `envctl up` first: what runs locally is what goes to Azure; or pass --build, as a pipeline does"
}

// LocalOnlyError is an image that no registry has.
type LocalOnlyError struct{ Workload, Image string }

func (e *LocalOnlyError) Error() string {
	return fmt.Sprintf("the image %q of %q is pinned to an image that only the local engine has, and Azure cannot pull it from there", e.Image, e.Workload)
}

// Hint says how to mend it.
func (*LocalOnlyError) Hint() string {
	return "bring it up here and take it over with `envctl promote --to azure`, which gives it to Azure; or push it to a registry and name it there"
}

// Prepare implements [stacks.Target]. Nothing is built here unless Images.Build
// says so: a source has the digest that a local run pushed.
func (t *Target) Prepare(ctx context.Context, p stacks.Preparation) (map[string]plan.Image, error) {
	t.remember(p)
	workloads := map[string]definition.Workload{}
	for name, a := range p.Definition.Apps {
		workloads[name] = a.Workload
	}
	for name, j := range p.Definition.Jobs {
		workloads[name] = j.Workload
	}
	built, err := t.build(ctx, p, workloads)
	if err != nil {
		return nil, err
	}
	lock, err := images.LoadLock(filepath.Join(p.Definition.Dir, images.LockFile))
	if err != nil {
		return nil, err
	}
	out := make(map[string]plan.Image, len(workloads))
	failed := make([]error, len(workloads))
	var mu sync.Mutex
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	for i, workload := range slices.Sorted(maps.Keys(workloads)) {
		group.Go(func() error {
			image, ok := built[workload]
			if given, taken := t.Images.Given[workload]; taken {
				image, ok = given, true
			}
			var err error
			if ok {
				image, err = settled(workload, image)
			} else {
				image, err = t.image(gctx, p, workload, workloads[workload], lock)
			}
			failed[i] = err
			mu.Lock()
			defer mu.Unlock()
			out[workload] = image
			return nil
		})
	}
	_ = group.Wait() // what failed is in failed, so that all of it is reported
	if err := errors.Join(failed...); err != nil || p.DryRun {
		return out, err
	}
	return out, lock.Save()
}

// build builds what the definition builds, where that was asked for.
func (t *Target) build(
	ctx context.Context, p stacks.Preparation, workloads map[string]definition.Workload,
) (map[string]plan.Image, error) {
	if t.Images.Build == nil || p.DryRun || len(t.Images.Given) > 0 {
		return nil, nil
	}
	all, err := t.Images.Build(ctx, p)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(all, func(name string, image plan.Image) bool { // others go by their own registry
		return image.Build == nil || workloads[name].Build == nil && len(workloads[name].Files) == 0
	})
	return all, nil
}

// settled is an image of another plan as one of an Azure plan.
func settled(workload string, image plan.Image) (plan.Image, error) {
	if image.Digest == "" && !strings.HasPrefix(image.Ref, "sha256:") {
		_, image.Digest, _ = strings.Cut(image.Ref, "@")
	}
	if image.Digest == "" {
		return image, &LocalOnlyError{workload, image.Ref}
	}
	if image.Repository != "" {
		image.Ref = image.Repository + "@" + image.Digest
	}
	image.Tag, image.Keep = "", true
	return image, nil
}

// image settles one workload's image to a digest.
func (t *Target) image(
	ctx context.Context, p stacks.Preparation, workload string, w definition.Workload, lock *images.Lock,
) (plan.Image, error) {
	if w.Build == nil && len(w.Files) == 0 {
		return t.foreign(ctx, p, workload, w.Image, lock)
	}
	if w.Build == nil {
		return plan.Image{}, &ExtendedError{workload}
	}
	b := plan.Build{
		Context: filepath.Join(p.Definition.Dir, w.Build.Context), Dockerfile: w.Build.Dockerfile,
		Target: w.Build.Target, Args: w.Build.Args, Files: sources(p.Definition.Dir, w.Files),
	}
	var err error
	b.Source, err = docker.SourceHash(ctx, docker.BuildRequest{
		Context: b.Context, Dockerfile: b.Dockerfile, Target: b.Target, Args: b.Args, Files: b.Files,
	})
	if err != nil {
		return plan.Image{}, fmt.Errorf("image of %q: %w", workload, err)
	}
	repository := registry.RepositoryOf(p.Definition.Name, workload)
	sum, ok, err := t.Images.Pushed.Complete(repository, registry.TagOf(p.Ref.Instance, b.Source))
	switch {
	case err != nil:
		return plan.Image{}, fmt.Errorf("image of %q: %w", workload, err)
	case !ok && p.DryRun && t.Images.Build != nil:
		sum = digest.Digest(b.Source) // differs whenever the source does
	case !ok:
		return plan.Image{}, &NotPushedError{workload, b.Source}
	}
	return plan.Image{
		Ref: repository + "@" + sum.String(), Digest: sum.String(), Repository: repository, Build: &b, Keep: true,
	}, nil
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

// ExtendedError is an image with files added to it that was not built here.
type ExtendedError struct{ Workload string }

func (e *ExtendedError) Error() string {
	return fmt.Sprintf("%q adds files to an image, and only a local run or a build makes the image with them", e.Workload)
}

// Hint says how to mend it.
func (*ExtendedError) Hint() string {
	return "take over what runs locally with `envctl promote --to azure`, or pass --build"
}

// foreign settles an image that is not built here: by its own digest, by
// envctl.lock, or, the first time, by what its registry says of the tag.
func (t *Target) foreign(
	ctx context.Context, p stacks.Preparation, workload, ref string, lock *images.Lock,
) (plan.Image, error) {
	pinned, ok := lock.Pin(ref)
	if strings.Contains(ref, "@sha256:") {
		pinned, ok = ref, true
	}
	if strings.HasPrefix(ref, "sha256:") {
		pinned = ref
	}
	if strings.HasPrefix(pinned, "sha256:") {
		return t.promoted(p, workload, ref, pinned)
	}
	if !ok {
		found, err := t.resolve(ctx, ref)
		if err != nil {
			return plan.Image{}, fmt.Errorf("image of %q: %w", workload, err)
		}
		lock.Set(ref, found)
		pinned = found
	}
	parsed, err := name.NewDigest(pinned)
	if err != nil {
		return plan.Image{}, fmt.Errorf("image of %q: %w", workload, err)
	}
	full := parsed.Context().Name() + "@" + parsed.DigestStr()
	return plan.Image{Ref: full, Digest: parsed.DigestStr(), Keep: true}, nil
}

// promoted is an image of the engine, by its ID, that a promote has put into the
// local registry.
func (t *Target) promoted(p stacks.Preparation, workload, ref, id string) (plan.Image, error) {
	repository := registry.RepositoryOf(p.Definition.Name, workload)
	sum, ok, err := t.Images.Pushed.Complete(repository, registry.ImageTagOf(p.Ref.Instance, id))
	switch {
	case err != nil:
		return plan.Image{}, fmt.Errorf("image of %q: %w", workload, err)
	case !ok:
		return plan.Image{}, &LocalOnlyError{workload, ref}
	}
	return plan.Image{Ref: repository + "@" + sum.String(), Digest: sum.String(), Repository: repository, Keep: true}, nil
}

// resolve asks the registry what a tag means now.
func (t *Target) resolve(ctx context.Context, ref string) (string, error) {
	tag, err := name.ParseReference(ref)
	if err != nil {
		return "", fmt.Errorf("%q names no image: %w", ref, err)
	}
	keychain := t.Images.Keychain
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain)}
	if t.Images.Transport != nil {
		options = append(options, remote.WithTransport(t.Images.Transport))
	}
	found, err := remote.Head(tag, options...)
	if err != nil {
		return "", &ResolveError{Ref: ref, Registry: tag.Context().RegistryStr(), Err: err}
	}
	return tag.Context().Name() + "@" + found.Digest.String(), nil
}

// ResolveError is a tag that its registry did not give the digest of.
type ResolveError struct {
	Ref, Registry string
	Err           error
}

func (e *ResolveError) Error() string {
	var refused *transport.Error
	if errors.As(e.Err, &refused) {
		switch refused.StatusCode {
		case http.StatusNotFound:
			return fmt.Sprintf("%s has no image %q", e.Registry, e.Ref)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Sprintf("%s does not show you the image %q (status %d)", e.Registry, e.Ref, refused.StatusCode)
		}
	}
	return fmt.Sprintf("the digest of %q could not be asked for: %v", e.Ref, e.Err)
}

// Unwrap returns what the registry said.
func (e *ResolveError) Unwrap() error { return e.Err }

// Hint says how to mend it.
func (e *ResolveError) Hint() string {
	return fmt.Sprintf("correct the name, or log in with `docker login %s`; with a digest (NAME@sha256:…) nobody is asked", e.Registry)
}

// remember keeps what a plan does not hold for Component.
func (t *Target) remember(p stacks.Preparation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.prepared == nil {
		t.prepared = map[stacks.Ref]prepared{}
	}
	t.prepared[p.Ref] = prepared{definition: definition.Hash(p.Definition)}
}
