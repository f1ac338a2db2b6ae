package price_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
)

func TestOf(t *testing.T) {
	t.Parallel()
	own := &definition.Price{Input: 3, Output: 4}
	mini := price.Limits{Context: 128_000, Output: 16_384}
	other := price.Limits{Context: 1 << 20, Output: 1 << 17}
	for name, test := range map[string]struct {
		model    definition.Model
		currency string
		want     price.Model
	}{
		"listed":              {definition.Model{Model: "gpt-4o-mini"}, "USD", price.Model{Price: ledger.Price{Input: 0.15, Output: 0.6}, Priced: true, Limits: mini}},
		"capitals":            {definition.Model{Model: "GPT-4o-mini"}, "USD", price.Model{Price: ledger.Price{Input: 0.15, Output: 0.6}, Priced: true, Limits: mini}},
		"another version":     {definition.Model{Model: "gpt-4o", Version: "2024-11-20"}, "USD", price.Model{Price: ledger.Price{Input: 2.5, Output: 10}, Priced: true, Limits: mini}},
		"an old version":      {definition.Model{Model: "gpt-4o", Version: "2024-05-13"}, "USD", price.Model{Price: ledger.Price{Input: 5, Output: 15}, Priced: true, Limits: price.Limits{Context: 128_000, Output: 4096}}},
		"in another currency": {definition.Model{Model: "gpt-4o-mini"}, "EUR", price.Model{Limits: mini}},
		"given":               {definition.Model{Model: "gpt-4o-mini", Price: own}, "EUR", price.Model{Price: ledger.Price{Input: 3, Output: 4}, Priced: true, Limits: mini}},
		"not listed":          {definition.Model{Model: "llama3.2"}, "USD", price.Model{Limits: other}},
		"not listed, given":   {definition.Model{Model: "llama3.2", Price: own}, "USD", price.Model{Price: ledger.Price{Input: 3, Output: 4}, Priced: true, Limits: other}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, price.Of(test.model, test.currency)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	models := map[string]definition.Model{
		"chat": {Model: "gpt-4o"}, "own": {Model: "llama3.2"}, "free": {Model: "llama3.2", Price: &definition.Price{}},
	}
	paths := func(b *definition.Budget) (got []string) {
		for _, p := range price.Problems(&definition.Definition{Models: models, Budget: b}) {
			if p.Message == "" || p.Hint == "" {
				t.Errorf("%+v", p)
			}
			got = append(got, p.Path)
		}
		return got
	}
	if got := paths(nil); got != nil {
		t.Errorf("without a budget: %q", got)
	}
	if diff := cmp.Diff([]string{"models.own.price"}, paths(&definition.Budget{Amount: 1, Currency: "USD"})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"models.chat.price", "models.own.price"}, paths(&definition.Budget{Amount: 1, Currency: "EUR"})); diff != "" {
		t.Error(diff)
	}
}
