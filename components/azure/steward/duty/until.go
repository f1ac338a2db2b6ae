package duty

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	firstPause = time.Second
	mostPause  = 20 * time.Second
)

// wait is why an attempt has no effect yet: it is worth another one.
type wait struct {
	why   string
	after time.Duration // as the server asks; 0: our own pace
}

func (w wait) Error() string { return w.why }

// until tries again until attempt has had its effect. An error that is no [wait]
// ends it at once; so does the deadline, which says what was waited for.
func (s *Steward) until(ctx context.Context, what string, attempt func(context.Context) error) error {
	limit, err := s.deadline()
	if err != nil {
		return err
	}
	end, pause, said := s.Now().Add(limit), firstPause, ""
	for {
		err := attempt(ctx)
		var w wait
		if err == nil || !errors.As(err, &w) {
			return err
		}
		if err.Error() != said {
			said = err.Error()
			s.say("waiting for %s: %s", what, said)
		}
		next := max(pause, w.after)
		if s.Now().Add(next).After(end) {
			return fmt.Errorf("gave up after %s of waiting for %s: the last answer was: %w", limit, what, err)
		}
		if err := s.Sleep(ctx, next); err != nil {
			return fmt.Errorf("interrupted while waiting for %s: %w", what, err)
		}
		pause = min(2*pause, mostPause)
	}
}
