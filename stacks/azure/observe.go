package azure

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
)

// Observe implements [stacks.Target]: every app with its latest revision, and what
// is there compared with what the plan says. It asks for the group's resources,
// its apps and its jobs once, and for one revision an app.
func (t *Target) Observe(ctx context.Context, p *plan.Plan) (stacks.Observation, error) {
	spec := p.Spec()
	look := looking{target: t, spec: spec, names: t.names(spec), group: t.group(spec), hash: p.WorkloadHash}
	if err := look.ask(ctx); err != nil {
		return stacks.Observation{}, fmt.Errorf("looking at resource group %q: %w", look.names.ResourceGroup, err)
	}
	obs := stacks.Observation{Drift: look.missing()}
	for _, w := range spec.Workloads {
		if w.Kind != plan.App {
			obs.Drift = append(obs.Drift, look.jobDrift(w)...)
			continue
		}
		app, ok := look.apps[w.Name]
		if !ok {
			obs.Apps = append(obs.Apps, stacks.AppStatus{Name: w.Name, State: stacks.AppMissing, Image: w.Image.Ref,
				Reason: "its Container App does not exist"})
			obs.Drift = append(obs.Drift, stacks.Drift{Resource: "app " + w.Name, Want: "running", Got: "missing"})
			continue
		}
		obs.Apps = append(obs.Apps, t.status(w, app))
		obs.Drift = append(obs.Drift, look.drift(w, app.object)...)
	}
	slices.SortFunc(obs.Apps, func(a, b stacks.AppStatus) int { return cmp.Compare(a.Name, b.Name) })
	return obs, nil
}
