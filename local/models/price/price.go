// Package price knows what well-known models cost and how many tokens they take at
// most, so that a budget holds before a call is made.
package price

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/models/ledger"
)

// Currency is that of the list.
const Currency = "USD"

// Model is what is known of a model.
type Model struct {
	ledger.Price
	// Priced is false where nobody said what the model costs; it counts as free then.
	Priced bool
	Limits
}

// Limits are the most tokens that one call takes.
type Limits struct {
	Context int64 `json:"context"` // of the prompt and the answer together
	Output  int64 `json:"answer"`  // of the answer, where the call does not say
}

// unknown are the limits of a model that is not in the list: larger than those of
// the models that people run themselves.
var unknown = Limits{Context: 1 << 20, Output: 1 << 17}

// Of returns what is known of a model of a definition: the price that it gives, in
// the currency of the budget, else that of the list, which is in USD.
func Of(m definition.Model, currency string) Model {
	listed, ok := list()[name(m)]
	if !ok {
		listed.Limits = unknown
	}
	switch {
	case m.Price != nil:
		listed.Price, listed.Priced = ledger.Price{Input: m.Price.Input, Output: m.Price.Output}, true
	case ok && currency == Currency:
		listed.Priced = true
	default:
		listed.Price = ledger.Price{}
	}
	return listed
}

// Problems says of which models the price is needed and not known: each with a
// budget, in whose currency it has to be.
func Problems(def *definition.Definition) []definition.Problem {
	if def.Budget == nil {
		return nil
	}
	var problems []definition.Problem
	for _, key := range slices.Sorted(maps.Keys(def.Models)) {
		m := def.Models[key]
		if Of(m, def.Budget.Currency).Priced {
			continue
		}
		why := fmt.Sprintf("the list price of %q is not known, so the budget cannot be held", m.Model)
		if _, ok := list()[name(m)]; ok {
			why = fmt.Sprintf("the list price of %q is known in %s only, and the budget is in %s", m.Model, Currency, def.Budget.Currency)
		}
		path := "models." + key + ".price"
		problems = append(problems, definition.Problem{
			Path: path, Message: why,
			Hint: fmt.Sprintf("give %s: {input: …, output: …}, what a million tokens cost in %s (0 for a model of your own)", path, def.Budget.Currency),
		})
	}
	return problems
}

// name is a model's in the list: with its version where that has a price of its own.
func name(m definition.Model) string {
	full := strings.ToLower(m.Model)
	if m.Version != "" {
		if _, ok := list()[full+"-"+m.Version]; ok {
			return full + "-" + m.Version
		}
	}
	return full
}
