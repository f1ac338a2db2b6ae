package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Totals are what a month has come to.
type Totals struct {
	Month    string           `json:"month"`  // 2026-01
	Models   map[string]Count `json:"models"` // by the name in the definition; nil: no call yet
	Apps     map[string]Count `json:"apps"`   // the same calls by who made them
	Open     map[string]int64 `json:"open"`   // calls under way by who makes them
	Spent    Amount           `json:"spent"`
	Reserved Amount           `json:"reserved"` // set aside for calls under way
	Alerts   []int            `json:"alerts"`   // percents of the budget that were reached, in that order
	// Budget is the one that calls were last measured by; zero: none.
	Budget Budget `json:"budget"`
}

// Read returns the totals of now's month. It changes nothing; a ledger that is not
// there has spent nothing.
func Read(path string, now time.Time) (t Totals, err error) {
	var damaged *DamagedError
	for range 3 {
		// What a writer cuts off while it is read looks like damage, once.
		if t, err = read(path, now); !errors.As(err, &damaged) {
			break
		}
	}
	return t, err
}

func read(path string, now time.Time) (Totals, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Totals{Month: monthOf(now)}, nil
	}
	if err != nil {
		return Totals{}, fmt.Errorf("the ledger of the models: %w", err)
	}
	defer f.Close()
	// Without the lock: lines are only appended, and a shortened log is another file.
	data, err := readFrom(f, 0)
	if err != nil {
		return Totals{}, fmt.Errorf("the ledger of the models: %w", err)
	}
	var s sums
	if _, err := s.replay(data); err != nil {
		return Totals{}, &DamagedError{Path: path, Err: err}
	}
	return s.totals(monthOf(now)), nil
}

func (s *sums) totals(name string) Totals {
	t := Totals{Month: name, Reserved: s.reserved(name), Budget: s.Budget}
	for _, o := range s.Open {
		if t.Open == nil {
			t.Open = map[string]int64{}
		}
		t.Open[o.App]++
	}
	m := s.Months[name]
	if m == nil {
		return t
	}
	t.Spent = m.Spent
	for _, a := range m.Alerts {
		if a.Amount == s.Budget.Amount {
			t.Alerts = append(t.Alerts, a.Percent)
		}
	}
	t.Models, t.Apps = plain(m.Models), plain(m.Apps)
	return t
}

// plain are the counts themselves; nil where there are none.
func plain(counts map[string]*Count) map[string]Count {
	if len(counts) == 0 {
		return nil
	}
	out := map[string]Count{}
	for name, c := range counts {
		out[name] = *c
	}
	return out
}

// Plus is both together.
func (c Count) Plus(d Count) Count {
	return Count{
		Calls: c.Calls + d.Calls, Usage: c.Usage.add(d.Usage), Cost: c.Cost.Add(d.Cost), Refused: c.Refused + d.Refused, Lost: c.Lost + d.Lost,
	}
}

// Since is what the app took since before, which was read earlier in the same
// month.
func (t Totals) Since(before Totals, app string) Count {
	now, was := t.Apps[app], before.Apps[app]
	return Count{
		Calls: now.Calls - was.Calls, Refused: now.Refused - was.Refused, Lost: now.Lost - was.Lost, Cost: now.Cost - was.Cost,
		Usage: Usage{Prompt: now.Prompt - was.Prompt, Completion: now.Completion - was.Completion},
	}
}

// Sum is all models together.
func (t Totals) Sum() Count {
	var all Count
	for _, c := range t.Models {
		all = all.Plus(c)
	}
	return all
}

// Left is what is left of the budget, at least 0; false where there is no budget.
func (t Totals) Left() (Amount, bool) {
	return max(0, t.Budget.Amount-t.Spent), t.Budget.Amount > 0
}
