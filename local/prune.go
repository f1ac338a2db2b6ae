package local

import (
	"context"
	"fmt"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/owner"
)

// Prune implements [stacks.Target]. A job's container goes when the process that
// waits for it is no more.
func (t *Target) Prune(ctx context.Context, p *plan.Plan) (int, error) {
	spec := p.Spec()
	known := map[string]bool{}
	for _, f := range expectedContainers(p, "") {
		known[f.component] = true
	}
	return t.prune(ctx, spec, func(labels map[string]string) bool {
		switch labels[target.LabelKind] {
		case "app", target.Gateway:
			return !known[labels[target.LabelComponent]]
		case "job":
			return owner.Gone(labels[owner.Label])
		}
		return false
	})
}

// pruneJobs removes what killed runs of jobs left.
func (t *Target) pruneJobs(ctx context.Context, spec plan.Spec) error {
	_, err := t.prune(ctx, spec, func(labels map[string]string) bool {
		return labels[target.LabelKind] == "job" && owner.Gone(labels[owner.Label])
	})
	return err
}

// prune removes the containers of an instance that are strays by their labels.
func (t *Target) prune(ctx context.Context, spec plan.Spec, stray func(labels map[string]string) bool) (int, error) {
	list, err := t.Engine.Containers(ctx, docker.Filter{Labels: target.Selector(spec.Experiment, spec.Instance)})
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, c := range list {
		if !stray(c.Labels) {
			continue
		}
		// By all of its labels: nothing else has them.
		gone, err := t.Engine.Sweep(ctx, c.Labels, docker.SweepOptions{KeepImages: true, KeepVolumes: true})
		removed += gone.Count()
		if err != nil {
			return removed, fmt.Errorf("remove %s, which nothing needs any more: %w", c.Name, err)
		}
	}
	return removed, nil
}
