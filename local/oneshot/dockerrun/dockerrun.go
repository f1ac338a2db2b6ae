// Package dockerrun runs one-shot runs on a Docker Engine: it is a
// [oneshot.Runner].
package dockerrun

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/owner"
)

// The labels of what a run makes on an engine, beside [owner.Label]. An image of
// packages has labelKind, labelLayer and
// labelLock only.
const (
	labelKind    = "dev.envctl.kind"
	labelTarget  = "dev.envctl.target"
	labelRun     = "dev.envctl.run"     // its ID
	labelExpires = "dev.envctl.expires" // RFC 3339: anybody may remove it after this
	labelLayer   = "dev.envctl.layer"   // key of an image of packages
	labelLock    = "dev.envctl.lock"    // hash of the lock of it

	kindRun   = "run"
	kindLayer = "layer"
)

// layerRepository is the name of images of packages.
const layerRepository = "envctl/packages"

// Runner is a Docker Engine that runs programs.
type Runner struct {
	// Connect is called when the engine is first needed, and once more for each time
	// that it failed.
	Connect func(ctx context.Context) (*docker.Engine, error)
	// Hosts are names that the way out of build steps knows beside those that this
	// machine resolves, each as NAME:ADDRESS.
	Hosts []string

	mu     sync.Mutex
	engine *docker.Engine
	has    runtimes // of the engine
}

var _ oneshot.Runner = (*Runner)(nil)

// New returns the runner of an engine that is connected already.
func New(engine *docker.Engine) *Runner {
	return &Runner{Connect: func(context.Context) (*docker.Engine, error) { return engine, nil }}
}

func (r *Runner) connect(ctx context.Context) (*docker.Engine, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine != nil {
		return r.engine, nil
	}
	// A caller that gave up, or an engine that was down, is no answer for the next one.
	engine, err := r.Connect(ctx)
	if err != nil {
		return nil, err
	}
	r.engine = engine
	r.has.ask(ctx, engine)
	return engine, nil
}

// Image implements [oneshot.Runner]: what the engine has, else what a registry has.
func (r *Runner) Image(ctx context.Context, name string) (oneshot.Image, error) {
	engine, err := r.connect(ctx)
	if err != nil {
		return oneshot.Image{}, err
	}
	found, ok, err := engine.ResolveImage(ctx, name)
	if _, id, pinned := strings.Cut(name, "@"); err == nil && !ok && pinned {
		// The containerd store has it, by its ID, when the name has gone to another.
		if found, ok, err = engine.ResolveImage(ctx, id); ok {
			return readImage(found, id), nil
		}
	}
	if err != nil {
		return oneshot.Image{}, err
	}
	if !ok {
		if strings.HasPrefix(name, "sha256:") {
			return oneshot.Image{}, &oneshot.Error{What: fmt.Sprintf("the engine has no image %s any more", name), Kind: "no-image", Exit: 1,
				Why: "no registry has it either, for it was made here", Mend: "build or load it again; a run without --again takes the image that there is now"}
		}
		if found, err = engine.Pull(ctx, name, nil); err != nil {
			return oneshot.Image{}, err
		}
	}
	return readImage(found, name), nil
}

func readImage(found docker.Image, name string) oneshot.Image {
	image := oneshot.Image{
		Ref: found.ID, User: found.User, WorkDir: found.WorkDir, Entrypoint: found.Entrypoint, Cmd: found.Cmd,
		Volumes: found.Volumes, Arch: found.Architecture,
	}
	// A digest of a registry is found on other engines too.
	repository, _, _ := strings.Cut(name, "@")
	if slash, colon := strings.LastIndexByte(repository, '/'), strings.LastIndexByte(repository, ':'); colon > slash {
		repository = repository[:colon]
	}
	for _, digest := range found.RepoDigests {
		if of, _, _ := strings.Cut(digest, "@"); of == repository {
			image.Ref = digest
		}
	}
	return image
}

// layerTag names the image of a key.
func layerTag(key string) string {
	return layerRepository + ":" + strings.TrimPrefix(key, "sha256:")[:32]
}

// Layer implements [oneshot.Runner].
func (r *Runner) Layer(ctx context.Context, key string) (oneshot.Image, bool, error) {
	engine, err := r.connect(ctx)
	if err != nil {
		return oneshot.Image{}, false, err
	}
	found, ok, err := engine.ResolveImage(ctx, layerTag(key))
	if err != nil || !ok || found.Labels[labelLayer] != key {
		return oneshot.Image{}, false, err
	}
	return readImage(found, ""), true, nil
}

// AddLayer implements [oneshot.Runner].
func (r *Runner) AddLayer(ctx context.Context, l oneshot.LayerRequest) (oneshot.Image, error) {
	engine, err := r.connect(ctx)
	if err != nil {
		return oneshot.Image{}, err
	}
	making, err := labels(l.Key, time.Time{})
	if err != nil {
		return oneshot.Image{}, err
	}
	made, err := engine.AddLayer(ctx, docker.LayerSpec{
		Base: l.Base.Ref, Tag: layerTag(l.Key), Making: making, Write: func(w io.Writer) error { return l.Tar(w) },
		Labels: map[string]string{labelKind: kindLayer, labelLayer: l.Key, labelLock: l.Lock},
	})
	if err != nil {
		return oneshot.Image{}, err
	}
	return readImage(made, ""), nil
}

// labels are those of everything that a run makes.
func labels(id string, expires time.Time) (map[string]string, error) {
	self, err := owner.Self()
	if err != nil {
		return nil, err
	}
	out := map[string]string{labelKind: kindRun, labelTarget: "local", labelRun: id, owner.Label: self.String()}
	if !expires.IsZero() {
		out[labelExpires] = expires.UTC().Format(time.RFC3339)
	}
	return out, nil
}

// Reap implements [oneshot.Runner]: it removes the containers of runs whose caller
// was killed, or whose time is long over, and the networks that these had. It looks
// for containers first, so that a run costs one short call; a network that was made
// without one is found by `envctl gc`.
func (r *Runner) Reap(ctx context.Context) (int, error) {
	engine, err := r.connect(ctx)
	if err != nil {
		return 0, err
	}
	list, err := engine.Containers(ctx, docker.Filter{Labels: map[string]string{labelKind: kindRun}})
	if err != nil {
		return 0, err
	}
	removed := 0
	swept := map[string]bool{}
	for _, c := range list {
		key := c.Labels[labelRun] + " " + c.Labels[owner.Label]
		if swept[key] || !abandoned(c.Labels, time.Now()) {
			continue
		}
		if c.Labels[labelRun] == "" || c.Labels[owner.Label] == "" {
			continue // of no run that this package made: an empty label would choose them all
		}
		swept[key] = true
		// All that this run made has these labels, and nothing else has.
		its := maps.Clone(map[string]string{labelKind: kindRun, labelRun: c.Labels[labelRun], owner.Label: c.Labels[owner.Label]})
		gone, err := engine.Sweep(ctx, its, docker.SweepOptions{KeepImages: true})
		removed += gone.Count()
		if err != nil {
			return removed, fmt.Errorf("remove what is left of the run %s: %w", c.Labels[labelRun], err)
		}
	}
	return removed, nil
}

// abandoned says that nobody waits for an object any more.
func abandoned(labels map[string]string, now time.Time) bool {
	if owner.Gone(labels[owner.Label]) {
		return true
	}
	expires, err := time.Parse(time.RFC3339, labels[labelExpires])
	return err == nil && now.After(expires)
}
