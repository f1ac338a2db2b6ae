package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/local/models/ledger"
)

// What each app took is counted beside what each model did, also when the month
// changes or the log is read anew.
func TestAppsAreCounted(t *testing.T) {
	t.Parallel()
	file := path(t)
	l := openAt(t, file, ledger.Options{})
	take := func(app string, units int64) {
		t.Helper()
		c := call(units, true)
		c.App = app
		if _, err := reserve(t, l, c).Settle(t.Context(), c.Worst); err != nil {
			t.Fatal(err)
		}
	}
	take("api", 1)
	before, err := ledger.Read(file, noon)
	if err != nil {
		t.Fatal(err)
	}
	take("api", 2)
	take("analyze", 3)
	take("", 1) // of an envctl that did not say who
	over := call(9, true)
	over.App = "analyze"
	if _, err := l.Reserve(t.Context(), over); err == nil {
		t.Fatal("more than the budget was reserved")
	}
	open := call(1, true)
	open.App = "analyze"
	reserve(t, l, open)
	after, err := ledger.Read(file, noon)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]ledger.Count{
		"api":     {Calls: 2, Usage: ledger.Usage{Prompt: 3e6}, Cost: ledger.Units(3)},
		"analyze": {Calls: 1, Usage: ledger.Usage{Prompt: 3e6}, Cost: ledger.Units(3), Refused: 1},
	}
	if d := cmp.Diff(want, after.Apps); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int64{"analyze": 1}, after.Open); d != "" {
		t.Error(d)
	}
	if got, want := after.Since(before, "api"), (ledger.Count{Calls: 1, Usage: ledger.Usage{Prompt: 2e6}, Cost: ledger.Units(2)}); got != want {
		t.Errorf("since then the app took %+v, expected %+v", got, want)
	}
	if sum := after.Sum(); sum.Calls != 4 || sum.Cost != ledger.Units(7) {
		t.Errorf("all models: %+v", sum)
	}
	if next, err := ledger.Read(file, noon.AddDate(0, 1, 0).Add(time.Hour)); err != nil || next.Apps != nil {
		t.Errorf("the next month begins with %+v, %v", next.Apps, err)
	}
}
