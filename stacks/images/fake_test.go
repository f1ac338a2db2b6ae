package images_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks/images"
)

// fakeEngine is an engine with images and a registry behind it, both by name,
// digest and ID.
type fakeEngine struct {
	mu       sync.Mutex
	images   map[string]docker.Image
	registry map[string]docker.Image
	changes  []string // calls that changed something, in order
	built    []docker.BuildRequest
	buildErr error
}

func newFake() *fakeEngine {
	return &fakeEngine{images: map[string]docker.Image{}, registry: map[string]docker.Image{}}
}

// id is an image ID made from a word.
func id(word string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(word))) }

// local puts an image on the engine that no registry has.
func (f *fakeEngine) local(ref, word string) docker.Image {
	img := docker.Image{ID: id(word), Tags: []string{ref}}
	f.images[ref], f.images[img.ID] = img, img
	return img
}

// remote puts an image into the registry; repo is how the engine calls it.
func (f *fakeEngine) remote(ref, repo, word string) docker.Image {
	img := docker.Image{ID: id(word), Tags: []string{ref}, RepoDigests: []string{repo + "@" + id("digest of "+word)}}
	f.registry[ref], f.registry[img.RepoDigests[0]] = img, img
	return img
}

// has puts an image of the registry on the engine too.
func (f *fakeEngine) has(img docker.Image) {
	f.images[img.ID] = img
	for _, name := range append(img.Tags, img.RepoDigests...) {
		f.images[name] = img
	}
}

func (f *fakeEngine) ResolveImage(_ context.Context, ref string) (docker.Image, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	img, ok := f.images[ref]
	return img, ok, nil
}

func (f *fakeEngine) Pull(_ context.Context, ref string, events func(docker.BuildEvent)) (docker.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes = append(f.changes, "pull "+ref)
	img, ok := f.registry[ref]
	if !ok {
		return img, fmt.Errorf("%q is in no registry", ref)
	}
	f.has(img)
	if events != nil {
		events(docker.BuildEvent{Step: "pull " + ref})
	}
	return img, nil
}

func (f *fakeEngine) Build(_ context.Context, r docker.BuildRequest, events func(docker.BuildEvent)) (docker.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes, f.built = append(f.changes, "build "+r.Tag), append(f.built, r)
	if f.buildErr != nil {
		return docker.Image{}, f.buildErr
	}
	if events != nil {
		events(docker.BuildEvent{Step: "build " + r.Tag})
	}
	img := docker.Image{ID: id(r.Context + r.Tag), Tags: []string{r.Tag}, Labels: r.Labels}
	f.images[r.Tag], f.images[img.ID] = img, img
	return img, nil
}

func (f *fakeEngine) Tag(_ context.Context, id, tag string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes = append(f.changes, "tag "+tag)
	img, ok := f.images[id]
	if !ok {
		return errors.New("no such image")
	}
	f.images[tag] = img
	return nil
}

// count says how many changes begin with a word.
func (f *fakeEngine) count(word string) int {
	n := 0
	for _, c := range f.changes {
		if strings.HasPrefix(c, word) {
			n++
		}
	}
	return n
}

// bench is one definition's folder with an engine.
type bench struct {
	*fakeEngine
	t      *testing.T
	dir    string // of the definition, and the build context
	state  string // of envctl
	def    *definition.Definition
	pulled []string // by this experiment, earlier
	dryRun bool
	events func(string, docker.BuildEvent)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{fakeEngine: newFake(), t: t, dir: dir, state: t.TempDir(), def: &definition.Definition{
		Name: "exp", Dir: dir, Apps: map[string]definition.App{}, Jobs: map[string]definition.Job{},
	}}
	b.write("Dockerfile", "FROM scratch\nCOPY data /data\n")
	b.write("data", "1")
	return b
}

func (b *bench) write(name, content string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) app(name string, w definition.Workload) {
	b.def.Apps[name] = definition.App{Workload: w}
}

// resolve is one run of envctl: the lock file is read before and written after.
func (b *bench) resolve() (map[string]plan.Image, error) {
	b.t.Helper()
	b.changes = nil
	lock := load(b.t, filepath.Join(b.dir, images.LockFile))
	r := &images.Resolver{
		Engine: b.fakeEngine, Owner: "exp.default", Labels: map[string]string{"owner": "exp"}, Lock: lock,
		Pulled:  func(ref string) bool { return slices.Contains(b.pulled, ref) },
		Derived: b.state, DryRun: b.dryRun, OnEvent: b.events,
	}
	out, err := r.Resolve(b.t.Context(), b.def)
	if err == nil && !b.dryRun {
		saveLock(b.t, lock)
	}
	return out, err
}

func (b *bench) must() map[string]plan.Image {
	b.t.Helper()
	out, err := b.resolve()
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}
