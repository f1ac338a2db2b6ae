package azure

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/plan"
)

// ModelError is a model of an experiment that its platform does not have, or has
// another of.
type ModelError struct {
	Platform string
	Name     string // in the definition
	Problem  string // beginning with a verb
	Choices  []string
}

func (e *ModelError) Error() string {
	return fmt.Sprintf("model %q %s of platform %q", e.Name, e.Problem, e.Platform)
}

// Path is the place in the definition.
func (e *ModelError) Path() string { return "models." + e.Name }

// Hint names the choices.
func (e *ModelError) Hint() string {
	if len(e.Choices) == 0 {
		return "add it to the platform's definition and bring that up with `envctl platform up`"
	}
	return "write it as the platform has it (" + strings.Join(e.Choices, ", ") + "), or add it to the platform's definition"
}

// ExitStatus is that of a wrong definition.
func (*ModelError) ExitStatus() int { return 2 }

// Fit says whether the models that an experiment names are those of its platform:
// what ran locally is what runs there. A model that the definition does not describe is
// looked for when a workload is made.
func (g *Ground) Fit(spec plan.Spec) error {
	for _, m := range spec.Models {
		problem := ""
		switch has, ok := g.Models[m.Name]; {
		case !ok:
			problem = "is none"
		case has.Model != m.Model:
			problem = fmt.Sprintf("is %q here and %q in the account", m.Model, has.Model)
		case m.Version != "" && has.Version != m.Version:
			problem = fmt.Sprintf("is version %q here and %q in the account", m.Version, has.Version)
		}
		if problem != "" {
			return &ModelError{Platform: spec.Platform, Name: m.Name, Problem: problem, Choices: g.choices()}
		}
	}
	return nil
}

// choices are the models, as users write them.
func (g *Ground) choices() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(g.Models)) {
		out = append(out, fmt.Sprintf("%s: {model: %s}", name, g.Models[name].Model))
	}
	return out
}
