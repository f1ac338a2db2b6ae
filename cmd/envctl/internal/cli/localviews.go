package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/lifecycle"
)

// localViews add what models took, which needs no engine.
type localViews struct{ *lifecycle.Service }

// Status is that of the experiment, with what its models took.
func (v localViews) Status(ctx context.Context, ref stacks.Ref) (stacks.Result, error) {
	result, err := v.Service.Status(ctx, ref)
	if err != nil || result.Result == stacks.Absent {
		return result, err
	}
	spend, err := v.spend(ref)
	if err != nil {
		result.Warnings = append(result.Warnings, err.Error())
		return result, nil
	}
	if spend.Budget > 0 || len(spend.Models) > 0 {
		result.Spend = &spend
	}
	return result, nil
}

// List is that of the experiments, with what the models of each took. A ledger that
// cannot be read is no error of a list; status tells it.
func (v localViews) List(ctx context.Context) ([]stacks.Summary, error) {
	list, err := v.Service.List(ctx)
	for i := range list {
		if list[i].Target != targetLocal {
			continue
		}
		if totals, err := v.totals(list[i].Ref); err == nil {
			list[i].Spend = totals.Spent.Units()
		}
	}
	return list, err
}

// totals are those of this month, of all instances of the experiment together: they
// share its budget.
func (v localViews) totals(ref stacks.Ref) (ledger.Totals, error) {
	path, err := v.State.Ledger(ref)
	if err != nil {
		return ledger.Totals{}, err
	}
	return ledger.Read(path, v.Now())
}

// spend is what the models of an experiment took this month, by its ledger, against
// the budget that the last up had.
func (v localViews) spend(ref stacks.Ref) (stacks.Spend, error) {
	totals, err := v.totals(ref)
	if err != nil {
		return stacks.Spend{}, err
	}
	record, _, err := v.State.Load(ref)
	if err != nil {
		return stacks.Spend{}, err
	}
	last, err := record.LastPlan()
	return spendOf(totals, last), err
}

func spendOf(t ledger.Totals, p *plan.Plan) stacks.Spend {
	out := stacks.Spend{
		Month: t.Month, Currency: t.Budget.Currency, Spent: t.Spent.Units(), Reserved: t.Reserved.Units(),
		Budget: t.Budget.Amount.Units(), Stop: t.Budget.Stop, Alerts: t.Alerts, Models: []stacks.ModelSpend{},
	}
	if p != nil && p.Spec().Budget != nil {
		b := p.Spec().Budget
		out.Budget, out.Currency, out.Stop = b.Amount, b.Currency, b.Stop
	}
	for _, model := range keys(t.Models) {
		c := t.Models[model]
		out.Models = append(out.Models, stacks.ModelSpend{
			Model: model, Calls: c.Calls, Refused: c.Refused, PromptTokens: c.Prompt, CompletionTokens: c.Completion, Cost: c.Cost.Units(),
		})
	}
	for _, model := range modelsOf(p) {
		if _, called := t.Models[model]; !called {
			out.Models = append(out.Models, stacks.ModelSpend{Model: model})
		}
	}
	return out
}

// modelsOf are the models that workloads of a plan use, sorted.
func modelsOf(p *plan.Plan) []string {
	if p == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, w := range p.Spec().Workloads {
		for _, m := range w.Models {
			seen[m] = true
		}
	}
	return slices.Clip(keys(seen))
}

func (l *localServices) Status(ctx context.Context, ref stacks.Ref) (stacks.Result, error) {
	wait := l.reapBeside(ctx)
	result, err := localViews{l.Service}.Status(ctx, ref)
	result.Warnings = append(result.Warnings, wait()...)
	return result, err
}

// List has no place for what went wrong beside it; status and gc have.
func (l *localServices) List(ctx context.Context) ([]stacks.Summary, error) {
	wait := l.reapBeside(ctx)
	defer wait()
	return localViews{l.Service}.List(ctx)
}

// localMeter asks the engine only for what the gateway told.
type localMeter struct {
	localViews
	settings Settings
}

// newMeter is that of the target that was chosen.
func newMeter(ctx context.Context, s Settings) (Meter, error) {
	if s.Target == targetAzure {
		return azureMeter{}, nil
	}
	views, err := newLocalViews(ctx, s)
	if err != nil {
		return nil, err
	}
	switch v := views.(type) {
	case *localServices:
		return localMeter{localViews{v.Service}, s}, nil
	case localViews:
		return localMeter{v, s}, nil
	}
	return nil, errors.New("these views of the local target have no meter")
}

// Spend implements [Meter].
func (m localMeter) Spend(_ context.Context, ref stacks.Ref) (stacks.Spend, error) {
	return m.spend(ref)
}

// Identity implements [Meter].
func (m localMeter) Identity(ctx context.Context, ref stacks.Ref) ([]stacks.IdentityUse, error) {
	services, err := newLocal(ctx, m.settings)
	if err != nil {
		return nil, err
	}
	record, _, err := m.State.Load(ref)
	if err != nil {
		return nil, err
	}
	last, err := record.LastPlan()
	if err != nil {
		return nil, err
	}
	return services.target.Identity(ctx, ref, last)
}

// azureMeter says what Azure itself tells.
type azureMeter struct{}

// Identity implements [Meter].
func (azureMeter) Identity(context.Context, stacks.Ref) ([]stacks.IdentityUse, error) {
	return nil, &problem{code: "unsupported", status: statusUsage, path: "--identity",
		message: `--identity has no meaning for the target "azure"`,
		reason:  "tokens are given out by Azure there, which tells of them in the sign-in logs of managed identities alone",
		hint:    "look at it locally: envctl status --identity"}
}

// Spend implements [Meter].
func (azureMeter) Spend(context.Context, stacks.Ref) (stacks.Spend, error) {
	return stacks.Spend{}, &problem{code: "unsupported", status: statusUsage, path: "--actual",
		message: `what was spent on the target "azure" is not told in this version`,
		reason:  "Azure tells it hours later, by Cost Management",
		hint:    "az consumption usage list, or Cost analysis of the resource group in the portal; a budget in the definition warns by mail"}
}
