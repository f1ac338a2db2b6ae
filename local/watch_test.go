package local

import (
	"errors"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// What a gateway says counts for the run of a container that it is of.
func TestJudge(t *testing.T) {
	t.Parallel()
	at := func(second float64) time.Time {
		return time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC).Add(time.Duration(second * float64(time.Second)))
	}
	text := func(second float64) string { return at(second).Format(time.RFC3339Nano) }
	made, again := watch{app: "api"}, watch{app: "api"}
	if err := made.ofContainer(text(10), &container.State{StartedAt: text(11.0004), FinishedAt: "0001-01-01T00:00:00Z"}); err != nil {
		t.Fatal(err)
	}
	if err := again.ofContainer(text(10), &container.State{StartedAt: text(31), FinishedAt: text(30)}); err != nil {
		t.Fatal(err)
	}
	event := func(second float64, s protocol.State) protocol.Event {
		return protocol.Event{Time: at(second), Event: protocol.EventHealth, App: "api", State: s}
	}
	const nothing, ready, failed = "nothing", "ready", "failed"
	for name, c := range map[string]struct {
		watch watch
		event protocol.Event
		want  string
	}{
		"healthy before it was made":              {made, event(9, protocol.StateHealthy), nothing},
		"healthy before its start was noted":      {made, event(10.9, protocol.StateHealthy), ready},
		"healthy in the millisecond of the start": {made, event(11, protocol.StateHealthy), ready},
		"never up before":                         {made, event(10.9, protocol.StateNeverUp), nothing},
		"never up":                                {made, event(41, protocol.StateNeverUp), failed},
		"still starting":                          {made, event(12, protocol.StateStarting), nothing},
		"unhealthy, so healthy before":            {made, event(12, protocol.StateUnhealthy), nothing},
		"healthy in its run before":               {again, event(20, protocol.StateHealthy), nothing},
		"healthy in its second run":               {again, event(30.9, protocol.StateHealthy), ready},
		"another app":                             {made, protocol.Event{Time: at(12), Event: protocol.EventHealth, App: "web", State: protocol.StateHealthy}, nothing},
	} {
		got, err := nothing, c.watch.judge(c.event)
		if notReady := (*gateway.NotReady)(nil); errors.As(err, &notReady) {
			got = failed
		} else if errors.Is(err, errDecided) {
			got = ready
		}
		if got != c.want {
			t.Errorf("%s: %s, expected %s", name, got, c.want)
		}
	}
}
