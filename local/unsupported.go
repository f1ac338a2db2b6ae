package local

import (
	"fmt"
	"maps"
	"slices"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/models/price"
)

// Unsupported implements [stacks.Target]: what a local sandbox cannot honour is
// refused and never ignored.
func (t *Target) Unsupported(def *definition.Definition) []definition.Problem {
	c := &collector{}
	if def.Kind == definition.KindPlatform {
		c.add("kind", "a Platform is shared ground in the cloud, and a local sandbox stands alone",
			"bring the experiments up one by one: each has its own network")
	}
	for _, name := range slices.Sorted(maps.Keys(def.Jobs)) {
		if def.Jobs[name].Schedule != "" && (def.Targets.Local == nil || def.Targets.Local.Schedules != "manual") {
			c.add("jobs."+name+".schedule", "nothing starts jobs by the clock in a local sandbox",
				"set targets.local.schedules to manual and start it with `envctl run "+name+"`")
		}
	}
	c.models(def)
	if def.Platform != "" {
		c.shared(def)
	}
	return c.problems
}

type collector struct{ problems []definition.Problem }

func (c *collector) add(path, why, instead string) {
	c.problems = append(c.problems, definition.Problem{
		Path: path, Message: "unsupported: " + path + " on local: " + why, Hint: instead,
	})
}

// shared asks which models those of a platform are: the sandbox has its own ground in
// the place of the platform's.
func (c *collector) shared(def *definition.Definition) {
	unknown := func(path string, used []string) {
		for _, name := range used {
			if _, described := def.Models[name]; !described {
				c.add(path+".models", fmt.Sprintf("model %q is of platform %q, and nothing says here which model that is", name, def.Platform),
					"add models: {"+name+": {model: MODEL}} as the platform has it; on Azure the two are compared")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(def.Apps)) {
		unknown("apps."+name, def.Apps[name].Models)
	}
	for _, name := range slices.Sorted(maps.Keys(def.Jobs)) {
		unknown("jobs."+name, def.Jobs[name].Models)
	}
}

// models asks for what answers for them.
func (c *collector) models(def *definition.Definition) {
	if len(def.Models) == 0 || def.Kind == definition.KindPlatform {
		return
	}
	c.problems = append(c.problems, price.Problems(def)...)
	if l := def.Targets.Local; l == nil || l.Models == nil {
		c.add("models", "nothing says which server answers for them here",
			"say it in targets.local.models, as {provider: openai, url: http://localhost:11434/v1}, or {provider: echo} for answers that repeat the question")
	}
}
