package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/stacks/azure/ask"
)

// Region is the name of a region as Resource Manager compares it: "Sweden
// Central" is swedencentral.
func Region(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "")) }

// region asks whether the subscription has the region.
func region(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	list, err := m.List(ctx, ask.Subscription(s.Subscription)+"/locations", ask.Subscriptions)
	if err != nil {
		return unseen("region", err)
	}
	var all []string
	for _, l := range list {
		if kind := ask.Text(l, "metadata", "regionType"); kind == "" || strings.EqualFold(kind, "Physical") {
			all = append(all, Region(ask.Text(l, "name")))
		}
	}
	if len(all) == 0 || slices.Contains(all, Region(s.Location)) {
		return []Check{{Name: "region", State: OK, Detail: s.Location}}, nil
	}
	return []Check{{Name: "region", State: Failed, Path: "targets.azure.location",
		Detail: fmt.Sprintf("the subscription has no region %q", s.Location),
		Fix:    "set targets.azure.location to a region of the subscription, as " + strings.Join(nearest(s.Location, all), ", "),
	}}, nil
}

// nearest are the names most like one, at most five.
func nearest(name string, all []string) []string {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b string) int {
		return levenshtein.Distance(name, a, nil) - levenshtein.Distance(name, b, nil)
	})
	return all[:min(len(all), 5)]
}

// needed are the resource types that an experiment is made of, by namespace.
func (s Subject) needed() map[string][]string {
	out := map[string][]string{
		"Microsoft.App": {"containerApps", "jobs"}, "Microsoft.ManagedIdentity": {"userAssignedIdentities"},
	}
	if s.OwnGround {
		out["Microsoft.App"] = append(out["Microsoft.App"], "managedEnvironments")
		out["Microsoft.ContainerRegistry"] = []string{"registries"}
		out["Microsoft.OperationalInsights"] = []string{"workspaces"}
		out["Microsoft.Network"] = []string{"virtualNetworks", "networkSecurityGroups"}
	}
	if len(s.Models) > 0 {
		out["Microsoft.CognitiveServices"] = []string{"accounts"}
	}
	if s.Outputs {
		out["Microsoft.Storage"] = []string{"storageAccounts"}
	}
	if s.Budget {
		out["Microsoft.Consumption"], out["Microsoft.Insights"] = nil, nil // global
	}
	return out
}

// providers asks whether each resource provider is registered and offers its types
// in the region. One that is not is registered by the first request, for which a
// permission is needed.
func providers(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	needed := s.needed()
	namespaces := make([]string, 0, len(needed))
	for namespace := range needed {
		namespaces = append(namespaces, namespace)
	}
	slices.Sort(namespaces)
	found := make([][]Check, len(namespaces))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	for i, namespace := range namespaces {
		group.Go(func() (err error) {
			answer, err := m.Get(gctx, ask.Subscription(s.Subscription)+"/providers/"+namespace, ask.Resources)
			if err != nil {
				found[i], err = unseen("providers", err)
				return err
			}
			found[i] = provider(answer, namespace, needed[namespace], s.Location)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := slices.Concat(found...)
	if len(out) == 0 {
		out = []Check{{Name: "providers", State: OK, Detail: strings.Join(namespaces, ", ")}}
	}
	return out, nil
}

// provider returns what is wrong with one resource provider.
func provider(answer ask.Object, namespace string, types []string, location string) []Check {
	var out []Check
	if state := ask.Text(answer, "registrationState"); state != "" && !strings.EqualFold(state, "Registered") {
		out = append(out, Check{Name: "providers", State: Warning,
			Detail: fmt.Sprintf("%s is %s in the subscription; the first request registers it, which takes a minute", namespace, state),
			Fix:    "run `az provider register -n " + namespace + " --wait`",
		})
	}
	for _, t := range ask.Items(answer, "resourceTypes") {
		name := ask.Text(t, "resourceType")
		if !slices.ContainsFunc(types, func(want string) bool { return strings.EqualFold(want, name) }) {
			continue
		}
		var offered []string
		for _, l := range ask.Texts(t, "locations") {
			offered = append(offered, Region(l))
		}
		if len(offered) == 0 || slices.Contains(offered, Region(location)) || slices.Contains(offered, "global") {
			continue
		}
		out = append(out, Check{Name: "region", State: Failed, Path: "targets.azure.location",
			Detail: fmt.Sprintf("%s does not offer %s/%s", location, namespace, name),
			Fix:    "set targets.azure.location to one that does, as " + strings.Join(nearest(location, offered), ", "),
		})
	}
	return out
}

// environments asks whether the subscription may have another environment in the
// region.
func environments(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	if !s.OwnGround {
		return nil, nil
	}
	path := ask.Provider(ask.Subscription(s.Subscription), "Microsoft.App", "locations", Region(s.Location), "usages")
	list, err := m.List(ctx, path, ask.AppsUsages)
	if err != nil {
		return unseen("environments", err)
	}
	for _, usage := range list {
		if !strings.EqualFold(ask.Text(usage, "name", "value"), "ManagedEnvironmentCount") {
			continue
		}
		used, most := ask.Whole(usage, "currentValue"), ask.Whole(usage, "limit")
		detail := fmt.Sprintf("%d of %d Container Apps environments are used in %s", used, most, s.Location)
		if used < most {
			return []Check{{Name: "environments", State: OK, Detail: detail}}, nil
		}
		if own, err := owns(ctx, m, s, ask.Provider(s.group(), "Microsoft.App", "managedEnvironments", s.Names.Environment)); own || err != nil {
			return []Check{{Name: "environments", State: OK, Detail: detail}}, err
		}
		return []Check{{Name: "environments", State: Failed, Detail: detail, Path: "targets.azure.location",
			Fix: "remove one (`envctl gc -t azure` finds those nobody needs), use a shared platform, another region, or ask for more under Quotas in the portal"}}, nil
	}
	return nil, nil
}
