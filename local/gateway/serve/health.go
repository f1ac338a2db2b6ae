package serve

import (
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// outcome is the result of one check.
type outcome struct {
	healthy bool
	reason  string // in words, with the check's name first
}

// health is the state of one app, a state machine without a clock of its own:
//
//	starting ──success──► healthy ──Retries failures in a row──► unhealthy
//	    │                  ▲   ▲                                    │
//	    └─Grace─► never-up ┘   └──────────────success───────────────┘
//
// Grace counts from the first time that the app's name resolves, because apps
// start one after another and an app may wait for others before it is started.
type health struct {
	probe    protocol.Probe
	state    protocol.State
	reason   string
	since    time.Time
	reached  time.Time // zero: the name has not resolved yet
	failures int       // in a row
}

func newHealth(probe protocol.Probe, now time.Time) *health {
	return &health{probe: probe, state: protocol.StateStarting, reason: errNotRunning.Error(), since: now}
}

// observe takes the outcome of one check and reports whether the state changed.
func (h *health) observe(o outcome, now time.Time) bool {
	before := h.state
	h.reason = protocol.Reason(o.reason)
	if o.healthy {
		h.failures = 0
		h.state = protocol.StateHealthy
	} else {
		h.failures++
		h.state = h.afterFailure(now)
	}
	if h.state == before {
		return false
	}
	h.since = now
	return true
}

func (h *health) afterFailure(now time.Time) protocol.State {
	switch h.state {
	case protocol.StateHealthy:
		if h.failures >= h.probe.Retries {
			return protocol.StateUnhealthy
		}
	case protocol.StateStarting:
		if left, counting := h.graceLeft(now); counting && left <= 0 {
			return protocol.StateNeverUp
		}
	}
	return h.state
}

// graceLeft returns how long the app may still take to become healthy; counting
// is false while the clock has not begun to run or does not matter any more.
func (h *health) graceLeft(now time.Time) (left time.Duration, counting bool) {
	if h.state != protocol.StateStarting || h.reached.IsZero() {
		return 0, false
	}
	return protocol.Seconds(h.probe.Grace) - now.Sub(h.reached), true
}

func (h *health) status() protocol.AppStatus {
	return protocol.AppStatus{App: h.probe.App, State: h.state, Reason: h.reason, Since: h.since.UTC()}
}
