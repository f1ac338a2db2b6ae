package azure

import (
	"fmt"
	"maps"
	"slices"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

// Unsupported implements [stacks.Target]: what Container Apps cannot honour is
// refused and never ignored. It asks nobody, so it works without credentials.
func (*Target) Unsupported(def *definition.Definition) []definition.Problem {
	c := &collector{}
	azure := def.Targets.Azure
	if def.Platform == "" && (azure == nil || azure.Location == "") {
		c.problems = append(c.problems, definition.Problem{
			Path: "targets.azure.location", Message: "targets.azure.location is missing: Azure makes everything in a region",
			Hint: "set targets.azure.location, as swedencentral",
		})
	}
	for _, name := range slices.Sorted(maps.Keys(def.Apps)) {
		c.workload("apps."+name, def.Apps[name].Workload)
		c.app("apps."+name, def.Apps[name])
	}
	for _, name := range slices.Sorted(maps.Keys(def.Jobs)) {
		c.workload("jobs."+name, def.Jobs[name].Workload)
	}
	return append(c.problems, target.Unsupported(def)...)
}

type collector struct{ problems []definition.Problem }

func (c *collector) add(path, why, instead string) {
	c.problems = append(c.problems, definition.Problem{
		Path: path, Message: "unsupported: " + path + " on azure: " + why, Hint: instead,
	})
}

func (c *collector) workload(path string, w definition.Workload) {
	if !preflight.Pair(w.CPU, int64(w.Memory)) {
		c.add(path+".memory", fmt.Sprintf("Container Apps takes no %v cores with %s", w.CPU, preflight.GiB(int64(w.Memory))),
			"use one of the pairs "+preflight.Pairs())
	}
}

// mostGrace is what a startup probe can wait, in seconds: its failureThreshold is
// at most 10 and its period at most 240.
const mostGrace = 10 * 240

func (c *collector) app(path string, a definition.App) {
	if h := a.Health; h != nil && h.Grace.Std().Seconds() > mostGrace {
		c.add(path+".health.grace", "a startup probe of Container Apps waits 40 minutes at most", "lower health.grace")
	}
}
