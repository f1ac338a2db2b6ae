package azure

import (
	"context"
	"fmt"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// Prune implements [stacks.Target]: apps and jobs that the plan does not have go, since
// an environment that is to be another one cannot go before them. The rest is for Trim.
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
	return removed, nil
}
