package local

import (
	"maps"
	"slices"

	"github.com/envctl/envctl/components/definition"
)

// Unsupported implements [stacks.Target]: what a local sandbox cannot honour is
// refused and never ignored.
func (t *Target) Unsupported(def *definition.Definition) []definition.Problem {
	c := &collector{}
	if def.Kind == definition.KindPlatform {
		c.add("kind", "a Platform is shared ground in the cloud, and a local sandbox stands alone",
			"bring the experiments up one by one: each has its own network")
	}
	if def.Platform != "" {
		c.add("platform", "a local sandbox has no shared platform", "leave platform out of the definition that runs locally")
	}
	for _, name := range slices.Sorted(maps.Keys(def.Apps)) {
		c.workload("apps."+name, def.Apps[name].Workload)
	}
	for _, name := range slices.Sorted(maps.Keys(def.Jobs)) {
		c.workload("jobs."+name, def.Jobs[name].Workload)
		if def.Jobs[name].Schedule != "" && (def.Targets.Local == nil || def.Targets.Local.Schedules != "manual") {
			c.add("jobs."+name+".schedule", "nothing starts jobs by the clock in a local sandbox",
				"set targets.local.schedules to manual and start it with `envctl run "+name+"`")
		}
	}
	if len(def.Models) > 0 {
		c.add("models", "the local sandbox has no model gateway", "leave models out of the definition that runs locally")
	}
	if l := def.Targets.Local; l != nil && l.Isolation != "" && l.Isolation != "auto" && l.Isolation != "container" {
		c.add("targets.local.isolation", "containers are the only isolation of the local sandbox", "use auto or container")
	}
	return c.problems
}

type collector struct{ problems []definition.Problem }

func (c *collector) add(path, why, instead string) {
	c.problems = append(c.problems, definition.Problem{
		Path: path, Message: "unsupported: " + path + " on local: " + why, Hint: instead,
	})
}

func (c *collector) workload(path string, w definition.Workload) {
	if len(w.Egress) > 0 {
		c.add(path+".egress", "the local sandbox has no way out that could be limited to these hosts",
			"leave egress out: the app runs without any outbound connection")
	}
	if len(w.Models) > 0 {
		c.add(path+".models", "the local sandbox has no model gateway", "leave models out of the definition that runs locally")
	}
}
