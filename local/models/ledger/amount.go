package ledger

import (
	"math"
	"strconv"
)

// Amount is money in billionths of a currency's unit, so that sums are exact: the
// cheapest model costs 5 of them a token.
type Amount int64

// unit is one unit of a currency.
const unit = 1e9

// MaxAmount is the largest amount; sums stay there.
const MaxAmount = Amount(math.MaxInt64)

// Units is an amount of whole units, as 12.5.
func Units(units float64) Amount { return amount(units * unit) }

// Units is the amount in whole units.
func (a Amount) Units() float64 { return float64(a) / unit }

// String has as many digits as the amount needs, two at least.
func (a Amount) String() string {
	text := strconv.FormatFloat(a.Units(), 'f', -1, 64)
	if rounded := strconv.FormatFloat(a.Units(), 'f', 2, 64); len(text) < len(rounded) {
		return rounded
	}
	return text
}

// Add returns a+b, at most MaxAmount.
func (a Amount) Add(b Amount) Amount {
	if b > 0 && a > MaxAmount-b {
		return MaxAmount
	}
	return a + b
}

// amount rounds up and keeps within 0 and MaxAmount.
func amount(billionths float64) Amount {
	// The first millionth part is an error of the multiplication, not money.
	switch up := math.Ceil(billionths - 1e-6); {
	case math.IsNaN(up) || up <= 0:
		return 0
	case up >= math.MaxInt64:
		return MaxAmount
	default:
		return Amount(up)
	}
}

// Price is what a million tokens cost, in units of the budget's currency.
type Price struct {
	Input  float64 `json:"input"`
	Output float64 `json:"output"`
}

// Cost is what so many tokens cost, rounded up to a billionth.
func (p Price) Cost(u Usage) Amount {
	const million = 1e6
	return amount(float64(max(u.Prompt, 0))*p.Input*(unit/million) + float64(max(u.Completion, 0))*p.Output*(unit/million))
}

// Usage is a number of tokens.
type Usage struct {
	Prompt     int64 `json:"prompt"`
	Completion int64 `json:"completion"`
}

// add returns the sum of two usages, which stops at the largest number.
func (u Usage) add(v Usage) Usage {
	return Usage{Prompt: sum(u.Prompt, v.Prompt), Completion: sum(u.Completion, v.Completion)}
}

func sum(a, b int64) int64 { return int64(Amount(a).Add(Amount(b))) }
