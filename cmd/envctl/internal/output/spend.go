package output

import (
	"fmt"
	"math"
	"strconv"

	"github.com/envctl/envctl/stacks"
)

// Cost is the result of cost --actual.
type Cost struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command"`
	stacks.Ref
	Actual stacks.Spend `json:"actual"`
}

// NewCost is what an experiment took.
func NewCost(ref stacks.Ref, actual stacks.Spend) Cost {
	if actual.Models == nil {
		actual.Models = []stacks.ModelSpend{}
	}
	return Cost{stacks.SchemaVersion, "cost", ref, actual}
}

// WriteText prints a table of the models.
func (c Cost) WriteText(p *Page) {
	p.Line("%s on %s, %s", bold(name(c.Ref)), c.Target, c.Actual.Month)
	writeSpend(p, c.Actual)
}

// writeSpend prints what models took, and what is left of the budget.
func writeSpend(p *Page, s stacks.Spend) {
	p.Line("%s", spentOf(s))
	if len(s.Models) == 0 {
		return
	}
	rows := [][]styled{{dim("MODEL"), dim("CALLS"), dim("REFUSED"), dim("PROMPT"), dim("COMPLETION"), dim("COST")}}
	for _, m := range s.Models {
		rows = append(rows, []styled{normal(m.Model), normal(fmt.Sprint(m.Calls)), normal(fmt.Sprint(m.Refused)),
			normal(fmt.Sprint(m.PromptTokens)), normal(fmt.Sprint(m.CompletionTokens)), normal(money(m.Cost, s.Currency))})
	}
	p.table(2, rows)
}

// spentOf is the spend in one line.
func spentOf(s stacks.Spend) styled {
	text := "models: " + money(s.Spent, s.Currency)
	if s.Budget <= 0 {
		return normal(text + " in " + s.Month + ", no budget")
	}
	percent := s.Spent / s.Budget * 100
	text += fmt.Sprintf(" of %s in %s (%.0f%%)", money(s.Budget, s.Currency), s.Month, math.Floor(percent))
	if s.Reserved > 0 {
		text += ", " + money(s.Reserved, s.Currency) + " set aside for calls under way"
	}
	switch {
	case percent >= 100 && s.Stop:
		return red(text + ", calls are refused")
	case percent >= 100:
		return red(text)
	case len(s.Alerts) > 0:
		return yellow(text)
	}
	return normal(text)
}

// money prints an amount: to the cent, or with the digits that a few tokens need.
func money(amount float64, currency string) string {
	text := fmt.Sprintf("%.2f", amount)
	if amount > 0 && amount < 1 {
		decimals := 3 - int(math.Floor(math.Log10(amount))) // four digits that count
		text = strconv.FormatFloat(math.Round(amount*math.Pow10(decimals))/math.Pow10(decimals), 'f', -1, 64)
	}
	if currency != "" {
		text += " " + currency
	}
	return text
}
