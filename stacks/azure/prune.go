package azure

import (
	"context"
	"fmt"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// Prune implements [stacks.Target]: apps, jobs and identities of workloads that
// the plan does not have go, in this order, since each uses what comes after it.
func (t *Target) Prune(ctx context.Context, p *plan.Plan) (int, error) {
	spec, known := p.Spec(), map[string]string{}
	for _, w := range spec.Workloads {
		known[w.Name] = w.Kind
	}
	removed := 0
	for _, part := range []struct{ kind, is string }{{kindApps, plan.App}, {kindJobs, plan.Job}} {
		list, err := t.workloads(ctx, t.group(spec), part.kind)
		if err != nil {
			return removed, err
		}
		for _, f := range list {
			if of, _ := owner(ask.Tags(f.object)); of != refOf(spec) || known[f.workload] == part.is {
				continue
			}
			if err := t.Client.Delete(ctx, f.path(part.kind), ask.Apps); err != nil {
				return removed, fmt.Errorf("remove %s %q, which nothing needs any more: %w", part.is, f.workload, err)
			}
			removed++
		}
	}
	n, err := t.pruneIdentities(ctx, spec, known)
	return removed + n, err
}

func (t *Target) pruneIdentities(ctx context.Context, spec plan.Spec, known map[string]string) (int, error) {
	const kind = "userAssignedIdentities"
	path := ask.Provider(t.group(spec), "Microsoft.ManagedIdentity", kind)
	list, err := t.Client.List(ctx, path, ask.Identities)
	if err != nil {
		return 0, ignoreMissing(err)
	}
	removed := 0
	for _, o := range list {
		tags := ask.Tags(o)
		component := tags[target.TagComponent]
		if of, _ := owner(tags); of != refOf(spec) || component == "" || known[component] != "" || ask.Text(o, "name") != t.names(spec).Identity(component) {
			continue // the steward's are named otherwise
		}
		if err := t.Client.Delete(ctx, ask.Below(path, ask.Text(o, "name")), ask.Identities); err != nil {
			return removed, fmt.Errorf("remove the identity of %q, which nothing needs any more: %w", component, err)
		}
		removed++
	}
	return removed, nil
}
