package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
	"github.com/envctl/envctl/stacks/state"
)

func (f *fake) Expire(ctx context.Context, r Request) (stacks.Result, error) {
	result, _ := f.operate(ctx, "down", r)
	return result, f.expireErr
}

func (f *fake) Extend(_ context.Context, ref stacks.Ref, to expiry.Move) (stacks.Result, error) {
	f.ref, f.moved = ref, to
	result := f.result
	result.Command, result.Ref = "extend", ref
	return result, f.err
}

func (f *fake) Orphans(context.Context) ([]Leftover, error) { return f.orphans, nil }

func TestGCHere(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir()}
	removed := 0
	f := &fake{
		list: []stacks.Summary{
			{Ref: stacks.Ref{Experiment: "a", Instance: "pr-1", Target: "azure"}, Expires: noon.Add(-time.Hour)},
			{Ref: stacks.Ref{Experiment: "b", Instance: "pr-1", Target: "local"}, Expires: noon},
			{Ref: stacks.Ref{Experiment: "c", Instance: "pr-1", Target: "local"}, Expires: noon.Add(time.Second)},
			{Ref: stacks.Ref{Experiment: "d", Instance: "pr-1", Target: "local"}},
		},
		orphans: []Leftover{{
			Leftover: output.Leftover{Kind: "run", Name: "r1", Reason: output.OwnerGone},
			Remove:   func(context.Context) error { removed++; return nil },
		}},
	}
	got := s.run(t.Context(), f, "gc", "--dry-run")
	if got.status != 0 || removed != 0 || f.request.Ref.Experiment != "" || !strings.Contains(got.stdout, "3 leftovers, nothing was removed") {
		t.Errorf("dry run: %+v, down of %v", got, f.request.Ref)
	}
	got = s.run(t.Context(), f, "gc")
	if got.status != 0 || removed != 1 || f.request.Ref.Experiment != "b" || !strings.Contains(got.stdout, "left: a removal on Azure needs --yes") {
		t.Errorf("%+v, removed %d, down of %v", got, removed, f.request.Ref)
	}
	due := &fake{list: f.list[1:2]}
	for name, test := range map[string]struct {
		result string
		err    error
		status int
		says   string
	}{
		"in use":   {err: &state.HeldError{Ref: due.list[0].Ref}, says: "left: b (instance pr-1, target local) is in use by another envctl"},
		"extended": {result: stacks.Unchanged, says: "left: it was extended meanwhile"},
		"failed":   {err: errors.New("no space"), status: 1, says: "failed: no space"},
	} {
		due.result.Result, due.expireErr = test.result, test.err
		if got := s.run(t.Context(), due, "gc", "-t", "local"); got.status != test.status || !strings.Contains(got.stdout, test.says) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir(), variables: map[string]string{"ENVCTL_TTL": "5h"}}
	until := time.Date(2026, 1, 31, 18, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		args string
		want expiry.Move // zero: refused
		says string
	}{
		{args: "--by 2h", want: expiry.Move{By: 2 * time.Hour}},
		{args: "--until 2026-01-31T18:00:00Z", want: expiry.Move{Until: until}},
		{args: "--ttl 3d", want: expiry.Move{TTL: 72 * time.Hour}},
		{args: "", want: expiry.Move{TTL: 5 * time.Hour}},
		{args: "--by 2h --until 2026-01-31T18:00:00Z", says: "both say when it expires"},
		{args: "--by 2", says: `--by "2" is wrong`},
		{args: "--until tomorrow", says: `--until "tomorrow" is not RFC 3339`},
		{args: "--ttl 0", says: "nothing says when it is to expire"},
	} {
		f := &fake{result: stacks.Result{Result: stacks.Updated, Expires: noon.Add(time.Hour)}}
		got := s.run(t.Context(), f, append([]string{"extend", "-e", "x1"}, strings.Fields(test.args)...)...)
		refused := test.want == expiry.Move{}
		if f.moved != test.want || refused != (got.status == 2) || !strings.Contains(got.stderr, test.says) {
			t.Errorf("extend %s: %+v, moved to %+v", test.args, got, f.moved)
		}
		if !refused && !strings.Contains(got.stdout, "x1 expires 2026-11-24 13:00 UTC (in 1h)") {
			t.Errorf("extend %s: %s", test.args, got.stdout)
		}
	}
}

func (f *fake) Identity(_ context.Context, ref stacks.Ref) ([]stacks.IdentityUse, error) {
	f.ref = ref
	return f.uses, nil
}

func (f *fake) Spend(_ context.Context, ref stacks.Ref) (stacks.Spend, error) {
	f.ref = ref
	return f.spend, f.err
}

func TestWhatWasUsed(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir()}
	f := &fake{
		result: stacks.Result{Result: stacks.StatusRunning},
		uses:   []stacks.IdentityUse{{App: "api", Role: "Cognitive Services OpenAI User", Given: true}},
		spend: stacks.Spend{Month: "2026-11", Currency: "USD", Spent: 1.5, Budget: 2,
			Models: []stacks.ModelSpend{{Model: "chat", Calls: 3, PromptTokens: 10, CompletionTokens: 20, Cost: 1.5}}},
	}
	if got := s.run(t.Context(), f, "status", "-e", "x1"); got.status != 0 || strings.Contains(got.stdout, "never used") {
		t.Errorf("status: %+v", got)
	}
	if got := s.run(t.Context(), f, "status", "--identity", "-e", "x1"); got.status != 0 || !strings.Contains(got.stdout, "never used") {
		t.Errorf("status --identity: %+v", got)
	}
	if got := s.run(t.Context(), f, "cost", "--actual", "-e", "x1"); got.status != 0 || !strings.Contains(got.stdout, "models: 1.50 USD of 2.00 USD in 2026-11 (75%)") {
		t.Errorf("cost --actual: %+v", got)
	}
	if got := s.run(t.Context(), f, "cost", "-e", "x1"); got.status != 2 || !strings.Contains(got.stderr, "an estimate is not in this version") {
		t.Errorf("cost: %+v", got)
	}
	if s.run(t.Context(), f, "logs", "--egress", "-e", "x1"); !f.logs.Egress {
		t.Errorf("logs --egress asked for %+v", f.logs)
	}
	f.result.Result = stacks.Absent
	f.built = nil
	if got := s.run(t.Context(), f, "status", "--identity", "-e", "x1"); got.status != 0 || len(f.built) != 1 {
		t.Errorf("of nothing: %+v, built %v", got, f.built)
	}
}
