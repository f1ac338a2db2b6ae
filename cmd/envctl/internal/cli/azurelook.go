package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
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

// Leftovers lists what carries envctl's tags on Azure and no state here knows: the
// caller's own, or everybody's, whose state may be on another machine.
func (a *azureServices) Leftovers(ctx context.Context, everybodys bool) ([]Leftover, error) {
	records, err := a.State.List()
	if err != nil {
		return nil, err
	}
	// Records are this machine's; the stacks may be those of everybody.
	shared, err := a.Engine.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the stacks that are known: %w", err)
	}
	known := map[stacks.Ref]bool{}
	for _, r := range records {
		known[r.Ref] = true
	}
	for _, ref := range shared {
		known[ref] = true
	}
	found, err := a.target.Leftovers(ctx, func(ref stacks.Ref) bool { return known[ref] })
	if err != nil {
		return nil, err
	}
	now, out := time.Now(), make([]Leftover, 0, len(found))
	for _, l := range found {
		if !everybodys && !mine(l, a.target.Owner) {
			continue
		}
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

// mine says whether the caller made it. What carries no owner, a role for one, is
// known by the caller's own names.
func mine(l azure.Leftover, caller string) bool { return l.Owner == "" || l.Owner == caller }
