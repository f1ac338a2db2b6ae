package azure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

// Sweep implements [stacks.Target]: the resource groups that carry the tags of
// ref go with all that is in them, and then what outlives a group: role
// assignments elsewhere, roles of ours, soft-deleted accounts that would keep name
// and quota, and images on a platform's registry. With keepData the registry and
// the logs stay, and their group with them.
func (t *Target) Sweep(ctx context.Context, ref stacks.Ref, keepData bool) (int, error) {
	groups, err := t.groupsOf(ctx, ref)
	if err != nil {
		return 0, err
	}
	if keepData {
		return t.sweepAllButData(ctx, ref, groups)
	}
	removed := 0
	names := map[string]bool{}
	for _, g := range groups {
		name := ask.Text(g, "name")
		names[strings.ToLower(name)] = true
		n, err := t.sweepGroup(ctx, name)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	for _, step := range []func(context.Context, stacks.Ref, map[string]bool) (int, error){t.sweepMounts, t.sweepRoles, t.sweepDeleted, t.sweepImages} {
		n, stepErr := step(ctx, ref, names)
		removed += n
		err = errors.Join(err, stepErr)
	}
	return removed, err
}

// sweepGroup removes a resource group, and what its identities may do outside of
// it: such an assignment stays behind as "identity not found".
func (t *Target) sweepGroup(ctx context.Context, name string) (int, error) {
	path := ask.Group(t.Client.Subscription(), name)
	n, err := t.sweepAssignments(ctx, path)
	if err != nil {
		return n, err
	}
	if err := t.Client.Delete(ctx, path, ask.Resources); err != nil {
		return n, fmt.Errorf("remove resource group %q: %w", name, err)
	}
	return n + 1, nil
}

func (t *Target) sweepAssignments(ctx context.Context, group string) (int, error) {
	list, _, err := t.assignments(ctx, group)
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, a := range list {
		id := ask.Text(a, "id")
		if strings.HasPrefix(strings.ToLower(id), strings.ToLower(group)+"/") {
			continue // it goes with the group
		}
		if err := t.Client.Delete(ctx, id, ask.Authorization); err != nil {
			return removed, fmt.Errorf("remove a role assignment outside of the group: %w", err)
		}
		removed++
	}
	return removed, nil
}

// assignments are the role assignments of the identities in a group, wherever they
// are, and those identities by their principal's ID in lower case.
func (t *Target) assignments(ctx context.Context, group string) (list []ask.Object, identities map[string]ask.Object, err error) {
	found, err := t.Client.List(ctx, ask.Provider(group, "Microsoft.ManagedIdentity", "userAssignedIdentities"), ask.Identities)
	if err != nil {
		return nil, nil, ignoreMissing(err)
	}
	identities = map[string]ask.Object{}
	for _, o := range found {
		if id := ask.Text(o, "properties", "principalId"); id != "" {
			identities[strings.ToLower(id)] = o
		}
	}
	if len(identities) == 0 {
		return nil, nil, nil
	}
	path := ask.Provider(ask.Subscription(t.Client.Subscription()), "Microsoft.Authorization", "roleAssignments")
	list, err = t.Client.List(ctx, path, ask.Authorization)
	if err != nil {
		return nil, nil, fmt.Errorf("list the role assignments: %w", err)
	}
	return slices.DeleteFunc(list, func(a ask.Object) bool { return identities[principal(a)] == nil }), identities, nil
}

// principal is who has a role assignment, in lower case.
func principal(assignment ask.Object) string {
	return strings.ToLower(ask.Text(assignment, "properties", "principalId"))
}

// sweepRoles removes the roles that could be assigned in the groups alone: envctl
// made them.
func (t *Target) sweepRoles(ctx context.Context, ref stacks.Ref, groups map[string]bool) (int, error) {
	list, err := t.roles(ctx)
	if err != nil {
		return 0, err
	}
	groups = withDefaultGroup(ref, groups)
	removed := 0
	for _, role := range list {
		if !groups[strings.ToLower(role.group)] {
			continue
		}
		if err := t.Client.Delete(ctx, role.id, ask.Authorization); err != nil {
			return removed, fmt.Errorf("remove the role %q: %w", role.name, err)
		}
		removed++
	}
	return removed, nil
}

// withDefaultGroup adds the group's name where the definition named none: of a
// group that is gone already, what outlives it can still be there.
func withDefaultGroup(ref stacks.Ref, groups map[string]bool) map[string]bool {
	out := map[string]bool{strings.ToLower("envctl-" + ref.Experiment + "-" + ref.Instance): true}
	for name := range groups {
		out[name] = true
	}
	return out
}

// role is a custom role of ours.
type role struct{ id, name, group string }

// roles lists the custom roles of ours: their name begins with envctl and a
// resource group is all that they can be assigned in.
func (t *Target) roles(ctx context.Context) ([]role, error) {
	path := ask.Provider(ask.Subscription(t.Client.Subscription()), "Microsoft.Authorization", "roleDefinitions")
	list, err := t.Client.List(ctx, path+"?$filter=type%20eq%20'CustomRole'", ask.Authorization)
	if err != nil {
		return nil, fmt.Errorf("list the custom roles: %w", err)
	}
	var out []role
	for _, o := range list {
		name, scopes := ask.Text(o, "properties", "roleName"), ask.Texts(o, "properties", "assignableScopes")
		if !strings.HasPrefix(name, "envctl ") || len(scopes) != 1 || ask.Text(o, "properties", "type") == "BuiltInRole" {
			continue
		}
		group := ask.GroupOf(scopes[0])
		if group != "" && strings.Contains(name, ask.NameOf(group)) {
			out = append(out, role{id: ask.Text(o, "id"), name: name, group: ask.NameOf(group)})
		}
	}
	return out, nil
}

// sweepDeleted purges the soft-deleted accounts of ref.
func (t *Target) sweepDeleted(ctx context.Context, ref stacks.Ref, groups map[string]bool) (int, error) {
	list, err := preflight.SoftDeleted(ctx, t.Client, t.Client.Subscription())
	if err != nil {
		return 0, fmt.Errorf("list the soft-deleted accounts: %w", err)
	}
	removed := 0
	for _, d := range list {
		of, tagged := owner(d.Tags)
		if tagged && of != (stacks.Ref{Experiment: ref.Experiment, Instance: ref.Instance, Target: Name}) || !tagged && !groups[strings.ToLower(d.Group)] {
			continue
		}
		if err := t.purge(ctx, d); err != nil {
			return removed, fmt.Errorf("purge the soft-deleted account %q: %w", d.Name, err)
		}
		removed++
	}
	return removed, nil
}

// purge removes a soft-deleted account for good, which frees its name and quota.
func (t *Target) purge(ctx context.Context, d preflight.Deleted) error {
	path := ask.Provider(ask.Subscription(t.Client.Subscription()), "Microsoft.CognitiveServices",
		"locations", d.Location, "resourceGroups", d.Group, "deletedAccounts", d.Name)
	return t.Client.Delete(ctx, path, ask.Accounts)
}

const kindAccounts = "Microsoft.CognitiveServices/accounts"

// order is that in which resources of a group can go: each uses what comes after.
func order() [][2]string {
	return [][2]string{
		{"Microsoft.App/containerApps", ask.Apps},
		{"Microsoft.App/jobs", ask.Apps},
		{"Microsoft.App/managedEnvironments", ask.Apps},
		{kindAccounts, ask.Accounts},
		{"Microsoft.Network/azureFirewalls", ask.Networks},
		{"Microsoft.Network/virtualNetworks", ask.Networks},
		{"Microsoft.Network/networkSecurityGroups", ask.Networks},
		{"Microsoft.Network/routeTables", ask.Networks},
		{"Microsoft.Network/publicIPAddresses", ask.Networks},
		{"Microsoft.ManagedIdentity/userAssignedIdentities", ask.Identities},
		{"Microsoft.Insights/actionGroups", ask.ActionGroups},
	}
}

// sweepAllButData removes what carries the tags but the registry and the logs.
func (t *Target) sweepAllButData(ctx context.Context, ref stacks.Ref, groups []ask.Object) (int, error) {
	removed := 0
	for _, g := range groups {
		path := ask.Group(t.Client.Subscription(), ask.Text(g, "name"))
		list, err := t.Client.List(ctx, path+"/resources", ask.Resources)
		if err != nil {
			if err = ignoreMissing(err); err != nil {
				return removed, err
			}
			continue
		}
		for _, part := range order() {
			n, err := t.sweepKind(ctx, ref, list, part[0], part[1])
			removed += n
			if err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

func (t *Target) sweepKind(ctx context.Context, ref stacks.Ref, list []ask.Object, kind, version string) (int, error) {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	removed := 0
	for _, r := range list {
		of, _ := owner(ask.Tags(r))
		if !strings.EqualFold(ask.Text(r, "type"), kind) || of.Experiment != ref.Experiment || of.Instance != ref.Instance {
			continue
		}
		removed++
		group.Go(func() error {
			if err := t.Client.Delete(gctx, ask.Text(r, "id"), version); err != nil {
				return fmt.Errorf("remove %s %q: %w", kind, ask.Text(r, "name"), err)
			}
			return nil
		})
	}
	return removed, group.Wait()
}

// sweepImages removes the repositories of an experiment from the registries of
// platforms, where no other instance of it is left that may run them.
func (t *Target) sweepImages(ctx context.Context, ref stacks.Ref, _ map[string]bool) (int, error) {
	if t.Images.Remove == nil {
		return 0, nil
	}
	groups, err := t.groups(ctx)
	if err != nil {
		return 0, err
	}
	if slices.ContainsFunc(groups, func(g ask.Object) bool { of, _ := owner(ask.Tags(g)); return of.Experiment == ref.Experiment }) {
		return 0, nil
	}
	removed := 0
	for _, g := range groups {
		if !platform(g) {
			continue
		}
		list, err := t.Client.List(ctx, ask.Provider(ask.Group(t.Client.Subscription(), ask.Text(g, "name")), "Microsoft.ContainerRegistry", "registries"), ask.Registries)
		if err != nil {
			return removed, ignoreMissing(err)
		}
		for _, r := range list {
			n, err := t.Images.Remove(ctx, ask.Text(r, "properties", "loginServer"), ref.Experiment+"/")
			removed += n
			if err != nil {
				return removed, fmt.Errorf("remove the images of %s from %q: %w", ref.Experiment, ask.Text(r, "name"), err)
			}
		}
	}
	return removed, nil
}
