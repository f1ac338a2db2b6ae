package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/box/models"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/owner"
	"github.com/envctl/envctl/stacks"
)

// newBoxes builds what boxes are made with. They belong to this process.
func newBoxes(ctx context.Context, s Settings) (Boxes, error) {
	engine, err := docker.Connect(ctx, s.Host, s.Getenv)
	if err != nil {
		return Boxes{}, err
	}
	s.AtEnd(engine.Close)
	self, err := owner.Self()
	if err != nil {
		return Boxes{}, err
	}
	deps, err := oneShotDeps(s)
	if err != nil {
		return Boxes{}, err
	}
	found := &boxImages{engine: engine, deps: deps}
	return Boxes{
		Manager: &box.Manager{Engine: engine, Owner: self.String(), Gone: owner.Gone, Now: time.Now},
		Images:  found,
		Project: func(ref stacks.Ref, d *definition.Definition) ([]string, error) {
			var err error
			found.project, err = projectImages(s.Getenv, ref, d)
			return keys(found.project), err
		},
		Isolate: func(ctx context.Context, setting string) (isolation.Choice, error) {
			found.deps.Isolation = setting
			has, err := realSandboxes{engine, s.Getenv}.runtimes(ctx)
			if err != nil {
				return isolation.Choice{}, err
			}
			return isolation.Choose(setting, has, true)
		},
		Models: func(ctx context.Context, ref stacks.Ref, d *definition.Definition) (*models.Project, error) {
			return boxModels(ctx, s, ref, d)
		},
	}, nil
}

// boxImages finds images on the engine. A name means the same image as long as
// this process lives, even when its tag is moved meanwhile.
type boxImages struct {
	engine *docker.Engine
	deps   oneshot.Deps // that packages are installed with
	// project is what the names of the project's images mean.
	project map[string]string

	finding singleflight.Group // by name: one that is pulled keeps nobody waiting for another
	mu      sync.Mutex
	pinned  map[string]string
}

// findTime bounds a search that goes on for others, or for later, when the one who
// began it has given up.
const findTime = 30 * time.Minute

// Resolve implements [mcpserver.Images].
func (b *boxImages) Resolve(ctx context.Context, ref string) (string, error) {
	b.mu.Lock()
	id, ok := b.pinned[ref]
	b.mu.Unlock()
	if ok {
		return id, nil
	}
	found := b.finding.DoChan(ref, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findTime)
		defer cancel()
		return b.find(ctx, ref)
	})
	select {
	case res := <-found:
		id, _ := res.Val.(string)
		return id, res.Err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// find looks for an image once and for all.
func (b *boxImages) find(ctx context.Context, ref string) (string, error) {
	ask := cmp.Or(b.project[ref], ref)
	image, ok, err := b.engine.ResolveImage(ctx, ask)
	switch {
	case err != nil || ok:
	case strings.HasPrefix(ask, "sha256:"):
		return "", &problem{code: "no-image", status: statusFailed, message: fmt.Sprintf("the engine has no image %q any more", ref),
			reason: "it was made here, and no registry has it", hint: "bring the project up again: envctl up; then start envctl mcp anew"}
	default:
		image, err = b.engine.Pull(ctx, ask, nil)
	}
	if err != nil {
		return "", b.engine.Explain(ctx, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pinned == nil {
		b.pinned = map[string]string{}
	}
	b.pinned[ref] = image.ID
	return image.ID, nil
}

// WithPackages implements [mcpserver.Images].
func (b *boxImages) WithPackages(ctx context.Context, image, manager string, with []string) (string, map[string]string, error) {
	made, env, err := oneshot.WithPackages(ctx, b.deps, image, manager, with)
	return made.Ref, env, err
}
