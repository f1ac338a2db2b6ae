package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/lifecycle"
	"github.com/envctl/envctl/stacks/state"
)

// TestSpend holds that what a ledger has is what views show of an experiment.
func TestSpend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := state.Open(func(name string) string { return map[string]string{"ENVCTL_STATE_DIR": dir}[name] })
	if err != nil {
		t.Fatal(err)
	}
	ref := stacks.Ref{Experiment: "x1", Instance: "default", Target: "local"}
	views := localViews{&lifecycle.Service{State: d, Now: func() time.Time { return noon }}}
	if got, err := views.spend(ref); err != nil || got.Spent != 0 || got.Month != "2026-11" {
		t.Errorf("without a ledger: %+v, %v", got, err)
	}
	path, err := d.Ledger(ref)
	if err != nil {
		t.Fatal(err)
	}
	got := spendOf(ledger.Totals{
		Month: "2026-11", Spent: ledger.Units(1.5), Reserved: ledger.Units(0.25), Alerts: []int{50},
		Budget: ledger.Budget{Amount: ledger.Units(2), Currency: "EUR", Stop: true},
		Models: map[string]ledger.Count{"chat": {Calls: 2, Refused: 1, Cost: ledger.Units(1.5), Usage: ledger.Usage{Prompt: 10, Completion: 20}}},
	}, nil)
	want := stacks.Spend{Month: "2026-11", Currency: "EUR", Spent: 1.5, Reserved: 0.25, Budget: 2, Stop: true, Alerts: []int{50},
		Models: []stacks.ModelSpend{{Model: "chat", Calls: 2, Refused: 1, PromptTokens: 10, CompletionTokens: 20, Cost: 1.5}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestBudgetBeforeUp holds that a budget is told before anything was spent, and
// that one which is in force is not replaced by what the file says now.
func TestBudgetBeforeUp(t *testing.T) {
	t.Parallel()
	d := &definition.Definition{Budget: &definition.Budget{Amount: 5, Currency: "EUR", OnExceeded: definition.OnExceededStop}}
	for name, c := range map[string]struct {
		spend, want stacks.Spend
		d           *definition.Definition
	}{
		"never up":      {stacks.Spend{Month: "2026-11"}, stacks.Spend{Month: "2026-11", Budget: 5, Currency: "EUR", Stop: true}, d},
		"in force":      {stacks.Spend{Budget: 2, Currency: "USD"}, stacks.Spend{Budget: 2, Currency: "USD"}, d},
		"none in force": {stacks.Spend{Currency: "USD"}, stacks.Spend{Currency: "USD"}, d},
		"no definition": {stacks.Spend{}, stacks.Spend{}, nil},
		"no budget":     {stacks.Spend{}, stacks.Spend{}, &definition.Definition{}},
	} {
		if diff := cmp.Diff(c.want, withBudget(c.spend, c.d)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
