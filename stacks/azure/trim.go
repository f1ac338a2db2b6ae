package azure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// Trim implements [stacks.Trimmer]: of what envctl made in the experiment's group, that
// goes which ids do not have, each after what uses it: what carries the experiment's
// tags, its budget, and what its identities may do. The registry, the logs and what jobs
// left are data and stay, as does what somebody else made.
func (t *Target) Trim(ctx context.Context, p *plan.Plan, ids []string) (int, error) {
	spec := p.Spec()
	x := trimming{t: t, ref: refOf(spec), names: t.names(spec), group: t.group(spec), known: map[string]bool{}}
	for _, id := range ids {
		x.known[strings.ToLower(id)] = true
	}
	list, err := t.Client.List(ctx, x.group+"/resources", ask.Resources)
	if err != nil {
		return 0, ignoreMissing(err)
	}
	list = slices.DeleteFunc(list, func(o ask.Object) bool { return !x.ours(o) })
	removed := 0
	for _, step := range []func(context.Context, []ask.Object) (int, error){x.assignments, x.budgets, x.deployments, x.resources} {
		n, stepErr := step(ctx, list)
		removed += n
		err = errors.Join(err, stepErr)
	}
	return removed, err
}

// trimming is one Trim.
type trimming struct {
	t     *Target
	ref   stacks.Ref
	names names.Names
	group string          // its path
	known map[string]bool // IDs in lower case
}

// ours says whether an object carries the experiment's tags.
func (x trimming) ours(o ask.Object) bool {
	of, _ := owner(ask.Tags(o))
	return of.Experiment == x.ref.Experiment && of.Instance == x.ref.Instance
}

// drop removes those of a list that are not known.
func (x trimming) drop(ctx context.Context, what, version string, list []ask.Object) (removed int, err error) {
	for _, o := range list {
		id := ask.Text(o, "id")
		if id == "" || x.known[strings.ToLower(id)] {
			continue
		}
		if err := x.t.Client.Delete(ctx, id, version); err != nil {
			return removed, fmt.Errorf("remove the %s %q, which nothing needs any more: %w", what, ask.NameOf(id), err)
		}
		removed++
	}
	return removed, nil
}

// resources removes what the group lists. An account that goes gives its name and its
// quota back.
func (x trimming) resources(ctx context.Context, list []ask.Object) (removed int, err error) {
	for _, part := range order() {
		n, err := x.drop(ctx, part[0], part[1], ofKind(list, part[0]))
		removed += n
		if err != nil {
			return removed, err
		}
		if n > 0 && part[0] == kindAccounts {
			if _, err := x.t.sweepDeleted(ctx, x.ref, map[string]bool{strings.ToLower(ask.NameOf(x.group)): true}); err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

func ofKind(list []ask.Object, kind string) (out []ask.Object) {
	for _, o := range list {
		if strings.EqualFold(ask.Text(o, "type"), kind) {
			out = append(out, o)
		}
	}
	return out
}

// budgets removes the budget, which has no tags, by its name.
func (x trimming) budgets(ctx context.Context, _ []ask.Object) (int, error) {
	list, err := x.t.Client.List(ctx, ask.Provider(x.group, "Microsoft.Consumption", "budgets"), ask.Budgets)
	if err != nil {
		return 0, ignoreMissing(err)
	}
	list = slices.DeleteFunc(list, func(o ask.Object) bool { return !strings.EqualFold(ask.Text(o, "name"), x.names.Budget) })
	return x.drop(ctx, "budget", ask.Budgets, list)
}

func (x trimming) deployments(ctx context.Context, list []ask.Object) (removed int, err error) {
	for _, account := range ofKind(list, kindAccounts) {
		id := ask.Text(account, "id")
		if !x.known[strings.ToLower(id)] {
			continue // they go with it
		}
		deployments, err := x.t.Client.List(ctx, ask.Below(id, "deployments"), ask.Accounts)
		if err != nil {
			return removed, err
		}
		deployments = slices.DeleteFunc(deployments, func(o ask.Object) bool { return !x.ours(o) })
		n, err := x.drop(ctx, "model deployment", ask.Accounts, deployments)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// assignments removes what the experiment's identities may do. An assignment has no
// tags; one of envctl's has the name that only it gives. Those of an identity that goes
// would stay behind as "identity not found", so all of them go.
func (x trimming) assignments(ctx context.Context, _ []ask.Object) (int, error) {
	list, identities, err := x.t.assignments(ctx, x.group)
	if err != nil {
		return 0, err
	}
	list = slices.DeleteFunc(list, func(a ask.Object) bool {
		id := identities[principal(a)]
		goes := !x.known[strings.ToLower(ask.Text(id, "id"))]
		return !x.ours(id) || !goes && !x.gave(a, ask.Text(id, "name"))
	})
	return x.drop(ctx, "role assignment", ask.Authorization, list)
}

// gave says whether a role assignment of an identity is envctl's, by its name. On a
// platform the ID of what a role is given on stands for its name.
func (x trimming) gave(assignment ask.Object, identity string) bool {
	on, role := ask.Text(assignment, "properties", "scope"), ask.NameOf(ask.Text(assignment, "properties", "roleDefinitionId"))
	name := ask.NameOf(ask.Text(assignment, "id"))
	return name == x.names.GUID(ask.NameOf(on), identity, role) || name == x.names.GUID(on, identity, role)
}
