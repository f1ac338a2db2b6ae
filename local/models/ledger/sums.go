package ledger

import (
	"maps"
	"slices"
	"time"
)

// Budget is what may be spent in a month. The zero Budget is none.
type Budget struct {
	Amount   Amount `json:"amount"`
	Currency string `json:"currency"`
	Alerts   []int  `json:"alerts,omitempty"` // percents
	Stop     bool   `json:"stop,omitempty"`   // refuse what might exceed the amount
}

func (b Budget) equal(c Budget) bool {
	return b.Amount == c.Amount && b.Currency == c.Currency && b.Stop == c.Stop && slices.Equal(b.Alerts, c.Alerts)
}

// Count is what one model, or one app, took in a month.
type Count struct {
	Calls   int64  `json:"calls"` // settled ones
	Usage          // tokens
	Cost    Amount `json:"cost"`
	Refused int64  `json:"refused"` // for the budget
	// Lost are calls whose process was killed: what they took is not known, so their
	// worst case is paid, for a budget has to hold through a kill too.
	Lost int64 `json:"lost"`
}

// month is one month's sums.
type month struct {
	Models map[string]*Count `json:"models"`
	Apps   map[string]*Count `json:"apps,omitempty"` // of calls since apps are written down
	Spent  Amount            `json:"spent"`
	Alerts []alert           `json:"alerts,omitempty"` // reached, in that order
}

// alert is a percentage of a budget of an amount; another budget has its own.
type alert struct {
	Percent int    `json:"percent"`
	Amount  Amount `json:"amount"`
}

// open is a reservation.
type open struct {
	Month string `json:"month"`
	Model string `json:"model"`
	App   string `json:"app,omitempty"`
	Owner string `json:"owner"`
	Usage Usage  `json:"usage"`
	Cost  Amount `json:"cost"`
}

// sums are what the lines of a log come to.
type sums struct {
	Months map[string]*month `json:"months"`
	Open   map[string]open   `json:"open,omitempty"`
	Budget Budget            `json:"budget"`
}

// keptMonths is how many months a shortened log has.
const keptMonths = 13

func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }

func (s *sums) month(name string) *month {
	if s.Months == nil {
		s.Months = map[string]*month{}
	}
	m := s.Months[name]
	if m == nil {
		m = &month{}
		s.Months[name] = m
	}
	if m.Models == nil {
		m.Models = map[string]*Count{}
	}
	if m.Apps == nil {
		m.Apps = map[string]*Count{}
	}
	return m
}

// both changes the count of a model and that of an app.
func (m *month) both(model, app string, change func(*Count)) {
	change(countOf(m.Models, model))
	if app != "" { // a line of an earlier envctl does not say it
		change(countOf(m.Apps, app))
	}
}

func countOf(counts map[string]*Count, name string) *Count {
	c := counts[name]
	if c == nil {
		c = &Count{}
		counts[name] = c
	}
	return c
}

// apply takes a line into the sums. Lines of a kind that a later envctl has are
// none of its business.
func (s *sums) apply(r record) {
	switch r.Kind {
	case kindSums:
		if r.Sums != nil {
			*s = *r.Sums
		}
	case kindBudget:
		if r.Budget != nil {
			s.Budget = *r.Budget
		}
	case kindReserve:
		if s.Open == nil {
			s.Open = map[string]open{}
		}
		s.Open[r.ID] = open{Month: r.Month, Model: r.Model, App: r.App, Owner: r.Owner, Usage: r.usage(), Cost: r.Cost}
	case kindRefuse:
		s.month(r.Month).both(r.Model, r.App, func(c *Count) { c.Refused++ })
	case kindAlert:
		m := s.month(r.Month)
		m.Alerts = append(m.Alerts, alert{r.Percent, s.Budget.Amount})
	case kindSettle, kindLost:
		s.end(r)
	}
}

// end takes a reservation away. One that is not there has ended before.
func (s *sums) end(r record) {
	o, ok := s.Open[r.ID]
	if !ok {
		return
	}
	delete(s.Open, r.ID)
	m := s.month(o.Month)
	if r.Kind == kindLost {
		m.both(o.Model, o.App, func(c *Count) { *c = c.Plus(Count{Lost: 1, Usage: o.Usage, Cost: o.Cost}) })
		m.Spent = m.Spent.Add(o.Cost)
		return
	}
	m.both(o.Model, o.App, func(c *Count) { *c = c.Plus(Count{Calls: 1, Usage: r.usage(), Cost: r.Cost}) })
	m.Spent = m.Spent.Add(r.Cost)
}

func (r record) usage() Usage {
	if r.Usage == nil {
		return Usage{}
	}
	return *r.Usage
}

// reserved is what is set aside in a month.
func (s *sums) reserved(month string) Amount {
	var total Amount
	for _, o := range s.Open {
		if o.Month == month {
			total = total.Add(o.Cost)
		}
	}
	return total
}

// reached are the alerts of a month that are due and were not told.
func (s *sums) reached(name string) []int {
	m := s.month(name)
	var due []int
	for _, percent := range slices.Sorted(slices.Values(s.Budget.Alerts)) {
		// In whole units: percents of large amounts do not fit in an Amount.
		if s.Budget.Amount > 0 && m.Spent.Units() >= s.Budget.Amount.Units()*float64(percent)/100 && !slices.Contains(m.Alerts, alert{percent, s.Budget.Amount}) {
			due = append(due, percent)
		}
	}
	return due
}

// forget drops old months.
func (s *sums) forget() {
	names := slices.Sorted(maps.Keys(s.Months))
	for _, name := range names[:max(0, len(names)-keptMonths)] {
		delete(s.Months, name)
	}
}
