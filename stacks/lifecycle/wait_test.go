package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
)

// waiting is a target whose parts are made before they work. Its apply fails as
// often as fails says.
type waiting struct {
	*world
	fails, tries int
}

func (w *waiting) Up(ctx context.Context, ref stacks.Ref, program pulumi.RunFunc, o stacks.Options) (map[string]any, stacks.Changes, error) {
	out, changes, err := w.world.Up(ctx, ref, program, o)
	if w.fails--; w.fails >= 0 {
		return nil, changes, errors.New("not yet")
	}
	return out, changes, err
}

func (w *waiting) Await(context.Context, *plan.Plan, func(stacks.Event)) error {
	return w.call("await")
}

func (w *waiting) Again(_ context.Context, _ *plan.Plan, _ error, tries int, _ func(stacks.Event)) bool {
	w.tries = tries
	return w.call("again") == nil
}

// An apply that only needed time is made again with a refresh, and what it made is
// awaited by its effect.
func TestUpWaits(t *testing.T) {
	t.Parallel()
	broken := errors.New("never")
	for name, c := range map[string]struct {
		fails   int
		fail    map[string]error
		want    []string
		tries   int
		changes stacks.Changes
		ok      bool
	}{
		"at once":       {0, nil, []string{"up", "await"}, 0, stacks.Changes{Create: 2}, true},
		"later":         {2, nil, []string{"up", "again", "up", "again", "up", "await"}, 2, stacks.Changes{Create: 2}, true},
		"hopeless":      {1, map[string]error{"again": broken}, []string{"up", "again"}, 1, stacks.Changes{Create: 2}, false},
		"never answers": {0, map[string]error{"await": broken}, []string{"up", "await"}, 0, stacks.Changes{Create: 2}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &waiting{world: &world{fail: c.fail}, fails: c.fails}
			s := newService(t, w.world)
			s.Target, s.Engine = w, w
			got, err := s.Up(t.Context(), request(t))
			calls := w.calls[slices.Index(w.calls, "up"):]
			if !slices.Equal(calls, c.want) || w.tries != c.tries || (err == nil) != c.ok || got.Changes == nil || *got.Changes != c.changes {
				t.Errorf("calls %v, try %d, %+v, %v", calls, w.tries, got.Changes, err)
			}
			if w.opts.Refresh != (c.fails > 1) {
				t.Errorf("refresh %v", w.opts.Refresh)
			}
			record, _, loadErr := s.State.Load(ref)
			if loadErr != nil || (record.Applied != nil) != c.ok {
				t.Errorf("applied %v, %v", record.Applied, loadErr)
			}
		})
	}
}
