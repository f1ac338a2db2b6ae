package arm

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// clock is the time, the waiting, and how far this computer's time is from
// Azure's.
type clock struct {
	now   func() time.Time
	sleep func(ctx context.Context, d time.Duration) error
	skew  *atomic.Int64 // Azure's time less ours at the last answer, nanoseconds
}

func newClock(now func() time.Time, sleep func(context.Context, time.Duration) error) clock {
	if now == nil {
		now = time.Now
	}
	if sleep == nil {
		sleep = wait
	}
	return clock{now: now, sleep: sleep, skew: new(atomic.Int64)}
}

// wait waits for d, or returns the context's error when that ends before.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// see notes the time that an answer has in its Date header.
func (c clock) see(h http.Header) {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		c.skew.Store(int64(at.Sub(c.now())))
	}
}

// maxSkew is what Entra allows a clock to be off when it checks an assertion.
const maxSkew = 5 * time.Minute

// wrong says in words how far this computer's clock is off; "" while it is
// within what Azure allows.
func (c clock) wrong() string {
	skew := time.Duration(c.skew.Load())
	switch {
	case skew > maxSkew:
		return fmt.Sprintf("this computer's clock is %s behind Azure's", minutes(skew))
	case skew < -maxSkew:
		return fmt.Sprintf("this computer's clock is %s ahead of Azure's", minutes(-skew))
	}
	return ""
}

// minutes is a duration to the minute, as 3h0m.
func minutes(d time.Duration) string {
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// mendClock is how to mend a clock that is off.
const mendClock = "set the clock, best by switching on its synchronisation (timedatectl set-ntp true)"
