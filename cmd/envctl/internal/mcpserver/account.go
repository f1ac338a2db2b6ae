package mcpserver

import (
	"cmp"
	"fmt"
	"time"

	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/models/price"
)

// Account is in every answer: which box it is about, how long there still is, and
// what was and may be spent.
type Account struct {
	Box           *string  `json:"box" jsonschema:"the box; null where there is none"`
	ExpiresAt     *string  `json:"expires_at" jsonschema:"when the box is removed, RFC 3339; null where there is none"`
	SpendUSD      *float64 `json:"spend_usd" jsonschema:"spent on the project's models this month; null: no models, or another currency, which the text has"`
	BudgetLeftUSD *float64 `json:"budget_left_usd" jsonschema:"left of the month's budget; null as spend_usd, or no budget"`
	Isolation     string   `json:"isolation" jsonschema:"what separates boxes from the user's machine: container, gvisor, vm or unknown"`

	money string // the same in words, in whatever currency
}

// account is what is true of a box now.
func (s *server) account(b box.Box) Account {
	if len(b.Models) == 0 {
		return funds{}.of(b)
	}
	return s.funds().of(b)
}

// funds are what the project has spent; the zero value is of no models.
type funds struct {
	spent, left *float64
	inWords     string
}

// funds reads the ledger. One that cannot be read is told to people and keeps no answer
// back: without it no call of a model is paid, and so none is made.
func (s *server) funds() funds {
	if s.Models == nil {
		return funds{}
	}
	now, err := s.Models.Spending()
	if err != nil {
		s.Log.Warn("what models have cost cannot be read", "error", clean(err.Error()))
		return funds{inWords: ", what models have cost cannot be read"}
	}
	f := funds{inWords: fmt.Sprintf(", %s %s spent on models this month", now.Spent, now.Currency)}
	if now.Limited {
		f.inWords += fmt.Sprintf(" and %s left", now.Left)
	}
	if now.Currency != price.Currency {
		return f
	}
	spent, left := now.Spent.Units(), now.Left.Units()
	f.spent = &spent
	if now.Limited {
		f.left = &left
	}
	return f
}

// of is the account of a box. The project's money is none of a box without models.
func (f funds) of(b box.Box) Account {
	if len(b.Models) == 0 {
		f = funds{}
	}
	expires := stamp(b.Expires)
	a := f.general(b.Isolation)
	a.Box, a.ExpiresAt = &b.ID, &expires
	return a
}

// general is the account of no box.
func (f funds) general(isolation string) Account {
	return Account{SpendUSD: f.spent, BudgetLeftUSD: f.left, Isolation: levelOf(isolation), money: f.inWords}
}

// levelOf names a level of isolation.
func levelOf(level string) string { return cmp.Or(level, "unknown") }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// inWords is the first line of an answer about a box.
func (a Account) inWords() string {
	if a.Box == nil || a.ExpiresAt == nil {
		return ""
	}
	return fmt.Sprintf("box %s, expires at %s, isolation %s", *a.Box, *a.ExpiresAt, a.Isolation) + a.money
}
