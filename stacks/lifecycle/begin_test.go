package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
)

// beginning is a target that can make something before the engine asks for it.
type beginning struct{ *world }

func (b beginning) Begin(context.Context, *plan.Plan) func(context.Context) error {
	_ = b.call("begin")
	return func(ctx context.Context) error { return errors.Join(ctx.Err(), b.call("undo")) }
}

// The first up alone begins ahead of the engine, and undoes it where the engine fails,
// also by an interrupt.
func TestTheFirstUpBegins(t *testing.T) {
	t.Parallel()
	boom, stuck := errors.New("boom"), errors.New("stuck")
	w := &world{fail: map[string]error{"up": boom, "undo": stuck}}
	s := newService(t, w)
	s.Target = beginning{w}
	req := request(t)
	ctx, cancel := context.WithCancel(t.Context())
	req.OnEvent = func(ev stacks.Event) {
		if ev.Phase == "apply" {
			cancel()
		}
	}
	if _, err := s.Up(ctx, req); !errors.Is(err, boom) || !errors.Is(err, stuck) || errors.Is(err, context.Canceled) {
		t.Errorf("the first up: %v", err)
	}
	if got := w.calls[slices.Index(w.calls, "begin"):]; !slices.Equal(got, []string{"begin", "up", "undo"}) {
		t.Errorf("the first up: %v", got)
	}
	w.fail, w.calls, req.OnEvent = nil, nil, nil
	if _, err := s.Up(t.Context(), req); err != nil || slices.Contains(w.calls, "begin") || !slices.Contains(w.calls, "up") {
		t.Errorf("the second up: %v, %v", w.calls, err)
	}
}
