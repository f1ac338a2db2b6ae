package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
)

// Preflight looks for what Azure would refuse. Without a definition only who asks
// where is looked at.
func (a *azureServices) Preflight(ctx context.Context, d *definition.Definition, ref stacks.Ref) ([]output.Finding, error) {
	var all []output.Finding
	add := func(name, state, detail, fix, path string) {
		all = append(all, output.Finding{Group: targetAzure, Name: name, State: state, Detail: detail, Fix: fix, Path: path})
	}
	who, err := a.cloud.Client.Identity(ctx)
	if err != nil {
		return nil, err
	}
	add("identity", output.FindingOK, fmt.Sprintf("%s of tenant %s", cmp.Or(who.Name, "application "+who.Client), who.Tenant), "", "")
	if d == nil {
		add("definition", output.FindingSkipped, "without a definition, region, quota, models and names are not looked at", "", "")
		return all, nil
	}
	checks, err := a.target.Check(ctx, d, ref)
	if err != nil {
		return all, err
	}
	for _, c := range checks {
		add(c.Name, c.State, c.Detail, c.Fix, c.Path)
	}
	return all, nil
}

// Leftovers lists what carries envctl's tags on Azure and no state here knows.
func (a *azureServices) Leftovers(ctx context.Context) ([]Leftover, error) {
	records, err := a.State.List()
	if err != nil {
		return nil, err
	}
	known := map[stacks.Ref]bool{}
	for _, r := range records {
		known[r.Ref] = true
	}
	found, err := a.target.Leftovers(ctx, func(ref stacks.Ref) bool { return known[ref] })
	if err != nil {
		return nil, err
	}
	now, out := time.Now(), make([]Leftover, 0, len(found))
	for _, l := range found {
		out = append(out, Leftover{
			Leftover: output.Leftover{
				Kind: l.Kind, Name: l.Name, Experiment: l.Ref.Experiment, Instance: l.Ref.Instance, Location: l.Location,
				Owner: l.Owner, Reason: output.NoState, Expires: l.Expires, AgeSeconds: seconds(now, l.Created),
			},
			Remove: func(ctx context.Context) error { return a.target.Remove(ctx, l) },
		})
	}
	return out, nil
}
