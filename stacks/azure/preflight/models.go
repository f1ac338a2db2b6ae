package preflight

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// offer is one sku of one version of a model in a region.
type offer struct {
	model, version, sku, usage string
	preferred                  bool // the version that a deployment without one gets
	least, most                int  // capacity; 0: not told
}

// models asks whether the region has each model in its version and sku, and quota
// for them all.
func models(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	if len(s.Models) == 0 {
		return nil, nil
	}
	location := ask.Provider(ask.Subscription(s.Subscription), "Microsoft.CognitiveServices", "locations", Region(s.Location))
	var list, usages, deployed []ask.Object
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { list, err = m.List(gctx, location+"/models", ask.Accounts); return err })
	group.Go(func() (err error) { usages, err = m.List(gctx, location+"/usages", ask.Accounts); return err })
	group.Go(func() (err error) {
		path := ask.Provider(s.group(), "Microsoft.CognitiveServices", "accounts", s.Names.Account, "deployments")
		deployed, err = m.List(gctx, path, ask.Accounts)
		return ignoreMissing(err)
	})
	if err := group.Wait(); err != nil {
		return unseen("models", err)
	}
	offers := read(list)
	var out []Check
	needs := map[string]int{} // by usage
	paths := map[string][]string{}
	for _, model := range s.Models {
		found, problem := choose(model, offers, s.Location)
		if problem != nil {
			if problem.Name == "models" {
				problem.Fix += elsewhere(ctx, m, s, model)
			}
			out = append(out, *problem)
			continue
		}
		if found.usage != "" {
			needs[found.usage] += model.Capacity
			paths[found.usage] = append(paths[found.usage], "models."+model.Name)
		}
	}
	for _, usage := range slices.Sorted(maps.Keys(needs)) {
		out = append(out, quota(usage, needs[usage], held(deployed, offers, usage), usages, s.Location, paths[usage]))
	}
	if len(out) == 0 {
		out = []Check{{Name: "models", State: OK, Detail: fmt.Sprintf("%d in %s", len(s.Models), s.Location)}}
	}
	return out, nil
}

// read takes the skus out of a region's models. Accounts are of kind AIServices,
// which takes OpenAI's models too.
func read(list []ask.Object) []offer {
	var out []offer
	for _, item := range list {
		if kind := ask.Text(item, "kind"); kind != "" && !strings.EqualFold(kind, "OpenAI") && !strings.EqualFold(kind, "AIServices") {
			continue
		}
		for _, sku := range ask.Items(item, "model", "skus") {
			o := offer{
				model: ask.Text(item, "model", "name"), version: ask.Text(item, "model", "version"),
				sku: ask.Text(sku, "name"), usage: ask.Text(sku, "usageName"), preferred: ask.Yes(item, "model", "isDefaultVersion"),
				least: ask.Whole(sku, "capacity", "minimum"), most: ask.Whole(sku, "capacity", "maximum"),
			}
			if !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out
}

// choose finds the offer that a model asks for, or says which there are.
func choose(model plan.Model, offers []offer, location string) (offer, *Check) {
	path := "models." + model.Name
	same := filter(offers, func(o offer) bool { return strings.EqualFold(o.model, model.Model) })
	if len(same) == 0 {
		all := nearest(model.Model, distinct(offers, func(o offer) string { return o.model }))
		fix := "use one that it has, as " + strings.Join(all, ", ")
		if len(all) == 0 {
			fix = "it has none at all"
		}
		return offer{}, &Check{Name: "models", State: Failed, Path: path + ".model",
			Detail: fmt.Sprintf("%s has no model %q", location, model.Model), Fix: fix}
	}
	version := filter(same, func(o offer) bool { return model.Version == "" && o.preferred || o.version == model.Version })
	if model.Version == "" && len(version) == 0 {
		version = same // none is marked: the newest
		newest := slices.Max(distinct(same, func(o offer) string { return o.version }))
		version = filter(version, func(o offer) bool { return o.version == newest })
	}
	if len(version) == 0 {
		return offer{}, &Check{Name: "models", State: Failed, Path: path + ".version",
			Detail: fmt.Sprintf("%s has no version %q of %s", location, model.Version, model.Model),
			Fix:    "use one that it has: " + strings.Join(distinct(same, func(o offer) string { return o.version }), ", ")}
	}
	sku := filter(version, func(o offer) bool { return strings.EqualFold(o.sku, model.SKU) })
	if len(sku) == 0 {
		return offer{}, &Check{Name: "models", State: Failed, Path: path + ".sku",
			Detail: fmt.Sprintf("%s has no sku %q of %s %s", location, model.SKU, model.Model, version[0].version),
			Fix:    "use one that it has: " + strings.Join(distinct(version, func(o offer) string { return o.sku }), ", ")}
	}
	if o := sku[0]; o.most > 0 && model.Capacity > o.most || model.Capacity < o.least {
		return offer{}, &Check{Name: "quota", State: Failed, Path: path + ".capacity",
			Detail: fmt.Sprintf("a deployment of %s as %s has a capacity of %d to %d, not %d", o.model, o.sku, o.least, o.most, model.Capacity),
			Fix:    fmt.Sprintf("set %s.capacity within these", path)}
	}
	return sku[0], nil
}

func filter(offers []offer, keep func(offer) bool) []offer {
	return slices.DeleteFunc(slices.Clone(offers), func(o offer) bool { return !keep(o) })
}

func distinct(offers []offer, of func(offer) string) []string {
	seen := map[string]bool{}
	for _, o := range offers {
		seen[of(o)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// held is what deployments of this account use of a quota already.
func held(deployed []ask.Object, offers []offer, usage string) int {
	sum := 0
	for _, d := range deployed {
		model, sku := ask.Text(d, "properties", "model", "name"), ask.Text(d, "sku", "name")
		if slices.ContainsFunc(offers, func(o offer) bool {
			return o.usage == usage && strings.EqualFold(o.model, model) && strings.EqualFold(o.sku, sku)
		}) {
			sum += ask.Whole(d, "sku", "capacity")
		}
	}
	return sum
}

// quota compares what is needed with what is left; what this account has already
// counts as left.
func quota(usage string, need, held int, usages []ask.Object, location string, paths []string) Check {
	for _, u := range usages {
		if !strings.EqualFold(ask.Text(u, "name", "value"), usage) {
			continue
		}
		limit, used := ask.Whole(u, "limit"), ask.Whole(u, "currentValue")
		left := max(0, limit-used+held)
		c := Check{Name: "quota", State: OK, Path: strings.Join(paths, ", ")}
		c.Detail = fmt.Sprintf("%s in %s: %d thousand tokens a minute are needed, %d of %d are left", usage, location, need, left, limit)
		if need > left {
			c.State = Failed
			c.Fix = fmt.Sprintf("lower capacity to %d in all, use another sku or region, or ask for more under Quotas in the portal", left)
			if left == 0 {
				c.Fix = "use another sku or region, remove deployments that nobody needs, or ask for more under Quotas in the portal"
			}
		}
		return c
	}
	return Check{Name: "quota", State: Skipped, Path: strings.Join(paths, ", "), Detail: fmt.Sprintf("%s tells nothing of %s", location, usage)}
}

// maxRegions bounds the regions that are asked for a model.
const maxRegions = 60

// elsewhere names regions that have the model in the version and sku that is asked
// for: what cannot be asked is left out.
func elsewhere(ctx context.Context, m ask.Manager, s Subject, model plan.Model) string {
	answer, err := m.Get(ctx, ask.Subscription(s.Subscription)+"/providers/Microsoft.CognitiveServices", ask.Resources)
	if err != nil {
		return ""
	}
	var regions []string
	for _, t := range ask.Items(answer, "resourceTypes") {
		if strings.EqualFold(ask.Text(t, "resourceType"), "accounts") {
			for _, l := range ask.Texts(t, "locations") {
				regions = append(regions, Region(l))
			}
		}
	}
	regions = regions[:min(len(regions), maxRegions)]
	has := make([]bool, len(regions))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	for i, other := range regions {
		group.Go(func() error {
			path := ask.Provider(ask.Subscription(s.Subscription), "Microsoft.CognitiveServices", "locations", other, "models")
			if list, err := m.List(gctx, path, ask.Accounts); err == nil {
				_, problem := choose(model, read(list), other)
				has[i] = problem == nil
			}
			return nil
		})
	}
	_ = group.Wait() // a region that does not answer is left out
	var out []string
	for i, other := range regions {
		if has[i] {
			out = append(out, other)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "; or set targets.azure.location to a region that has it: " + strings.Join(out, ", ")
}
