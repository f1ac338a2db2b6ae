package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/local/models/ledger"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func path(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger") }

func openAt(t *testing.T, path string, o ledger.Options) *ledger.Ledger {
	t.Helper()
	if o.Now == nil {
		o.Now = at(noon)
	}
	if o.Self == "" {
		o.Self = "self"
	}
	l := ledger.Open(path, o)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// oneEach costs 1 for a million tokens of either kind.
var oneEach = ledger.Price{Input: 1, Output: 1}

// call may cost some units of the budget's 10.
func call(units int64, stop bool) ledger.Call {
	return ledger.Call{
		Model: "chat", Worst: ledger.Usage{Prompt: units * 1e6}, Price: oneEach,
		Budget: ledger.Budget{Amount: ledger.Units(10), Currency: "USD", Alerts: []int{50, 100}, Stop: stop},
	}
}

func reserve(t *testing.T, l *ledger.Ledger, c ledger.Call) *ledger.Reservation {
	t.Helper()
	r, err := l.Reserve(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func settle(t *testing.T, r *ledger.Reservation, prompt, completion int64) []int {
	t.Helper()
	alerts, err := r.Settle(t.Context(), ledger.Usage{Prompt: prompt, Completion: completion})
	if err != nil {
		t.Fatal(err)
	}
	return alerts
}

func totals(t *testing.T, path string, now time.Time) ledger.Totals {
	t.Helper()
	got, err := ledger.Read(path, now)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestACallIsPaidOnce(t *testing.T) {
	t.Parallel()
	p := path(t)
	l := openAt(t, p, ledger.Options{})
	r := reserve(t, l, call(4, true))
	if got := totals(t, p, noon); got.Reserved != ledger.Units(4) || got.Spent != 0 {
		t.Errorf("before: %+v", got)
	}
	for range 3 {
		settle(t, r, 1e6, 2e6)
	}
	want := ledger.Totals{
		Month: "2026-03", Spent: ledger.Units(3), Budget: call(1, true).Budget,
		Models: map[string]ledger.Count{"chat": {Calls: 1, Usage: ledger.Usage{Prompt: 1e6, Completion: 2e6}, Cost: ledger.Units(3)}},
	}
	if diff := cmp.Diff(want, totals(t, p, noon)); diff != "" {
		t.Error(diff)
	}
	if left, ok := totals(t, p, noon).Left(); !ok || left != ledger.Units(7) {
		t.Errorf("left %s, %v", left, ok)
	}
}

func TestNothingIsThereYet(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(ledger.Totals{Month: "2026-03"}, totals(t, path(t), noon)); diff != "" {
		t.Error(diff)
	}
}

func TestTheEdgeOfABudget(t *testing.T) {
	t.Parallel()
	p := path(t)
	l := openAt(t, p, ledger.Options{})
	first := reserve(t, l, call(6, true))
	var exceeded *ledger.Exceeded
	if _, err := l.Reserve(t.Context(), call(5, true)); !errors.As(err, &exceeded) || !exceeded.Busy() {
		t.Errorf("5 beside 6 of 10: %v, expected one that may wait", err)
	}
	second := reserve(t, l, call(4, true))
	settle(t, first, 6e6, 0)
	settle(t, second, 0, 0) // an explicit zero is what it took
	if _, err := l.Reserve(t.Context(), call(5, true)); !errors.As(err, &exceeded) || exceeded.Busy() {
		t.Errorf("5 after 6 of 10: %v, expected one that may not", err)
	}
	if _, err := l.Reserve(t.Context(), call(5, false)); err != nil {
		t.Errorf("a budget that only alerts: %v", err)
	}
	if got := totals(t, p, noon).Models["chat"]; got.Refused != 2 || got.Calls != 2 {
		t.Errorf("%+v", got)
	}
}

func TestAMonthBeginsAtZero(t *testing.T) {
	t.Parallel()
	p := path(t)
	now := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
	l := openAt(t, p, ledger.Options{Now: func() time.Time { return now }})
	late := reserve(t, l, call(10, true))
	now = now.Add(time.Second)
	reserve(t, l, call(10, true))
	if alerts := settle(t, late, 10e6, 0); alerts != nil {
		t.Errorf("alerts %v of the month before", alerts)
	}
	march, april := totals(t, p, now.Add(-time.Second)), totals(t, p, now)
	if march.Spent != ledger.Units(10) || april.Spent != 0 || april.Reserved != ledger.Units(10) {
		t.Errorf("march %+v, april %+v", march, april)
	}
	// The month is UTC's wherever the clock is.
	if got := totals(t, p, now.In(time.FixedZone("", -7200))); got.Month != "2026-04" {
		t.Errorf("month %s", got.Month)
	}
}

func TestAlertsComeOnce(t *testing.T) {
	t.Parallel()
	p := path(t)
	l := openAt(t, p, ledger.Options{})
	var told [][]int
	for range 4 {
		told = append(told, settle(t, reserve(t, l, call(4, false)), 4e6, 0))
	}
	if diff := cmp.Diff([][]int{nil, {50}, {100}, nil}, told); diff != "" {
		t.Error(diff)
	}
	if got := totals(t, p, noon).Alerts; !slices.Equal(got, []int{50, 100}) {
		t.Errorf("recorded %v", got)
	}
	higher := call(1, false) // as another instance may have, whose definition was edited
	higher.Budget.Amount = ledger.Units(20)
	if got := settle(t, reserve(t, l, higher), 0, 0); !slices.Equal(got, []int{50}) {
		t.Errorf("a higher budget has alerts of its own: %v", got)
	}
	if got := settle(t, reserve(t, l, call(1, false)), 0, 0); got != nil {
		t.Errorf("back at the first budget: %v", got)
	}
}

// What a killed process's call took nobody knows: its worst case is paid, or kills
// would open a budget.
func TestADeadProcessPaysItsWorstCase(t *testing.T) {
	t.Parallel()
	p := path(t)
	dead := openAt(t, p, ledger.Options{Self: "dead"})
	reserve(t, dead, call(9, true))
	alive := map[string]bool{"dead": true}
	l := openAt(t, p, ledger.Options{Self: "other", Alive: func(owner string) bool { return alive[owner] }})
	if _, err := l.Reserve(t.Context(), call(9, true)); err == nil {
		t.Error("two of 9 fit in 10")
	}
	alive["dead"] = false
	if _, err := l.Reserve(t.Context(), call(9, true)); err == nil {
		t.Error("9 more than the 9 that a dead process reserved fit in 10")
	}
	settle(t, reserve(t, l, call(1, true)), 0, 0)
	if got := totals(t, p, noon); got.Reserved != 0 || got.Spent != ledger.Units(9) || got.Models["chat"].Lost != 1 || got.Models["chat"].Calls != 1 {
		t.Errorf("%+v", got)
	}
}

// Calls at once at the edge of a budget: what is spent never exceeds it, and what
// fits is not refused once all have ended.
func TestManyAtOnceNeverOverspend(t *testing.T) {
	t.Parallel()
	p := path(t)
	var ledgers []*ledger.Ledger
	for range 4 { // each has a file of its own open, as another process
		ledgers = append(ledgers, openAt(t, p, ledger.Options{}))
	}
	var passed, spent atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			r, err := ledgers[i%len(ledgers)].Reserve(t.Context(), call(1, true))
			var exceeded *ledger.Exceeded
			if errors.As(err, &exceeded) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			passed.Add(1)
			took := rand.Int64N(1e6 + 1)
			if _, err := r.Settle(t.Context(), ledger.Usage{Prompt: took}); err != nil {
				t.Error(err)
			}
			spent.Add(took)
		})
	}
	wg.Wait()
	got := totals(t, p, noon)
	all := got.Sum()
	if got.Spent > ledger.Units(10) || all.Prompt != spent.Load() || all.Calls != passed.Load() || all.Calls+all.Refused != 50 || passed.Load() < 10 {
		t.Errorf("%d passed and took %d: %+v", passed.Load(), spent.Load(), got)
	}
}

func TestALongLogIsShortened(t *testing.T) {
	t.Parallel()
	p := path(t)
	l, other := openAt(t, p, ledger.Options{}), openAt(t, p, ledger.Options{})
	kept := reserve(t, other, call(1, true))
	const calls = 9000
	for i := range calls {
		which := l
		if i%100 == 0 {
			which = other
		}
		settle(t, reserve(t, which, call(1, true)), 100, 0)
	}
	settle(t, kept, 100, 0)
	got := totals(t, p, noon)
	if all := got.Sum(); all.Calls != calls+1 || got.Spent != ledger.Units(float64(calls+1)/10000) || got.Reserved != 0 {
		t.Errorf("%+v", got)
	}
	info, err := os.Stat(p)
	if err != nil || info.Size() > 2<<20 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}

func TestARemovedLedgerBeginsAgain(t *testing.T) {
	t.Parallel()
	p := path(t)
	l := openAt(t, p, ledger.Options{})
	settle(t, reserve(t, l, call(10, true)), 10e6, 0)
	if err := os.Remove(p); err != nil {
		t.Fatal(err)
	}
	settle(t, reserve(t, l, call(10, true)), 0, 5e6)
	if got := totals(t, p, noon); got.Spent != ledger.Units(5) {
		t.Errorf("%+v", got)
	}
}

func TestALedgerThatCannotBeKept(t *testing.T) {
	t.Parallel()
	l := openAt(t, filepath.Join(t.TempDir(), "missing", "ledger"), ledger.Options{})
	var exceeded *ledger.Exceeded
	if _, err := l.Reserve(t.Context(), call(1, true)); err == nil || errors.As(err, &exceeded) {
		t.Errorf("%v, expected that no call can be made", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := reserve(t, openAt(t, path(t), ledger.Options{}), call(1, true))
	cancel()
	if _, err := r.Settle(ctx, ledger.Usage{}); err != nil {
		t.Errorf("a free lock needs no waiting: %v", err)
	}
}

func TestAmounts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		price ledger.Price
		usage ledger.Usage
		want  ledger.Amount
	}{
		{ledger.Price{Input: 0.15, Output: 0.6}, ledger.Usage{Prompt: 1000, Completion: 100}, 210_000},
		{ledger.Price{Input: 0.005}, ledger.Usage{Prompt: 1}, 5},
		{ledger.Price{Input: 0.0001}, ledger.Usage{Prompt: 1}, 1},
		{ledger.Price{Input: 0.02}, ledger.Usage{Prompt: 3}, 60},
		{ledger.Price{Input: 1, Output: 1}, ledger.Usage{}, 0},
		{ledger.Price{}, ledger.Usage{Prompt: 1e9, Completion: 1e9}, 0},
		{ledger.Price{Input: 1}, ledger.Usage{Prompt: -5}, 0},
		{ledger.Price{Input: 1e6, Output: 1e6}, ledger.Usage{Prompt: math.MaxInt64, Completion: math.MaxInt64}, ledger.MaxAmount},
	} {
		if got := test.price.Cost(test.usage); got != test.want {
			t.Errorf("%+v of %+v: %d, expected %d", test.usage, test.price, got, test.want)
		}
	}
	for units, want := range map[float64]string{0: "0.00", 12.5: "12.50", 0.00021: "0.00021", 100: "100.00"} {
		if got := fmt.Sprint(ledger.Units(units)); got != want {
			t.Errorf("%v: %q, expected %q", units, got, want)
		}
	}
	if got := ledger.MaxAmount.Add(1); got != ledger.MaxAmount {
		t.Errorf("the largest and one: %d", got)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	p := path(t)
	if err := ledger.Prune(t.Context(), p, noon); err != nil {
		t.Error(err)
	}
	settle(t, reserve(t, openAt(t, p, ledger.Options{}), call(1, true)), 1, 0)
	for _, test := range []struct {
		now  time.Time
		kept bool
	}{{noon, true}, {noon.AddDate(0, 1, 0), false}} {
		if err := ledger.Prune(t.Context(), p, test.now); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(p); (err == nil) != test.kept {
			t.Errorf("in %s: %v", test.now, err)
		}
	}
}
