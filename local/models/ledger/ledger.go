package ledger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"sync"
	"time"
)

// Options are what a ledger needs of its surroundings.
type Options struct {
	Now func() time.Time
	// Self names this process for good, and Alive says whether a process so named
	// still runs: what a dead one had reserved is paid. Without Alive all do.
	Self  string
	Alive func(owner string) bool
}

// Ledger is an opened ledger. It is safe for concurrent use.
type Ledger struct {
	path    string
	options Options

	mu   sync.Mutex
	file *os.File // nil: to be opened
	read int64    // bytes of file that are in sums
	sums sums
}

// Open returns the ledger in a file, which the first call makes.
func Open(path string, o Options) *Ledger { return &Ledger{path: path, options: o} }

// Close gives the file back. Reservations that are open stay so.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.close()
}

// Call is a call of a model that is about to be made.
type Call struct {
	Model  string // by its name in the definition
	App    string // who calls
	Worst  Usage  // the most that it can take
	Price  Price
	Budget Budget
}

// Reservation is what is set aside for a call.
type Reservation struct {
	ledger *Ledger
	call   Call
	id     string
	once   sync.Once
	told   []int
	err    error
}

// Reserve sets the worst case of a call aside. Where that might exceed a budget
// that stops, the error is an [*Exceeded] and is counted; every other error means
// that the ledger cannot be kept, so that the call may not be made either.
func (l *Ledger) Reserve(ctx context.Context, c Call) (*Reservation, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	r := &Reservation{ledger: l, call: c, id: id}
	var refused error
	err = l.locked(ctx, func(now time.Time) ([]record, error) {
		month := monthOf(now)
		records := l.lost()
		if !l.sums.Budget.equal(c.Budget) {
			records = append(records, record{Kind: kindBudget, Month: month, Budget: &c.Budget})
		}
		l.sums.applyAll(records)
		need := c.Price.Cost(c.Worst)
		spent, reserved := l.sums.month(month).Spent, l.sums.reserved(month)
		if c.Budget.Stop && spent.Add(reserved).Add(need) > c.Budget.Amount {
			refused = &Exceeded{Model: c.Model, Need: need, Spent: spent, Reserved: reserved, Budget: c.Budget, Month: month}
			return l.add(records, record{Kind: kindRefuse, Month: month, Model: c.Model, App: c.App}), nil
		}
		return l.add(records, record{
			Kind: kindReserve, Month: month, ID: id, Model: c.Model, App: c.App, Owner: l.options.Self, Usage: &c.Worst, Cost: need,
		}), nil
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Settle replaces the reservation by what the call took; only the first time does.
// It returns the alerts that this reached. A call that took nothing settles the zero
// Usage.
func (r *Reservation) Settle(ctx context.Context, u Usage) (alerts []int, err error) {
	r.once.Do(func() { r.told, r.err = r.ledger.settle(ctx, r, u) })
	alerts, r.told = r.told, nil
	return alerts, r.err
}

// Worst is what is set aside.
func (r *Reservation) Worst() Usage { return r.call.Worst }

func (l *Ledger) settle(ctx context.Context, r *Reservation, u Usage) (alerts []int, err error) {
	u = Usage{Prompt: max(u.Prompt, 0), Completion: max(u.Completion, 0)}
	err = l.locked(ctx, func(now time.Time) ([]record, error) {
		o, ok := l.sums.Open[r.id]
		if !ok {
			return nil, nil // somebody took this process for a dead one
		}
		records := l.add(nil, record{Kind: kindSettle, ID: r.id, Usage: &u, Cost: r.call.Price.Cost(u)})
		if o.Month == monthOf(now) {
			alerts = l.sums.reached(o.Month)
		}
		for _, percent := range alerts {
			records = l.add(records, record{Kind: kindAlert, Month: o.Month, Percent: percent})
		}
		return records, nil
	})
	return alerts, err
}

// add applies a record and appends it.
func (l *Ledger) add(records []record, r record) []record {
	l.sums.apply(r)
	return append(records, r)
}

func (s *sums) applyAll(records []record) {
	for _, r := range records {
		s.apply(r)
	}
}

// lost are the ends of the reservations of dead processes.
func (l *Ledger) lost() []record {
	alive := map[string]bool{l.options.Self: true}
	var records []record
	for id, o := range l.sums.Open {
		lives, known := alive[o.Owner]
		if !known {
			lives = l.options.Alive == nil || l.options.Alive(o.Owner)
			alive[o.Owner] = lives
		}
		if !lives {
			records = append(records, record{Kind: kindLost, ID: id})
		}
	}
	return records
}

// newID names a reservation among those of all processes.
func newID() (string, error) {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", fmt.Errorf("the ledger of the models: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}
