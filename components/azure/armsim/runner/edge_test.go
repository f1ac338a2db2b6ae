package runner

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/gateway/protocol"
)

func TestOneCheckForAllProbes(t *testing.T) {
	t.Parallel()
	startup := run.Probe{Type: "Startup", Path: "/start", Period: 2 * time.Second, FailureThreshold: 5, Delay: time.Second}
	ready := run.Probe{Type: "Readiness", Path: "/ready", Port: 9000, Period: 7 * time.Second, Timeout: 3 * time.Second, FailureThreshold: 4}
	for name, c := range map[string]struct {
		probes []run.Probe
		port   int
		want   *protocol.Probe
	}{
		"none at all": {nil, 0, nil},
		"a port": {nil, 8080, &protocol.Probe{
			App: "a", Host: "a--replicas", Port: 8080, Interval: 5, Timeout: 1, Retries: 3, Grace: 240}},
		"startup alone": {[]run.Probe{startup}, 8080, &protocol.Probe{
			App: "a", Host: "a--replicas", Port: 8080, Path: "/start", Interval: 2, Timeout: 1, Retries: 5, Grace: 11}},
		"readiness wins": {[]run.Probe{startup, ready}, 8080, &protocol.Probe{
			App: "a", Host: "a--replicas", Port: 9000, Path: "/ready", Interval: 7, Timeout: 3, Retries: 4, Grace: 11}},
		"readiness alone": {[]run.Probe{ready}, 8080, &protocol.Probe{
			App: "a", Host: "a--replicas", Port: 9000, Path: "/ready", Interval: 7, Timeout: 3, Retries: 4, Grace: 28}},
	} {
		if diff := cmp.Diff(c.want, probeOf("a", c.probes, c.port)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// What is said of an earlier run of an app is nothing about this one.
func TestWordOfAnotherRunIsStale(t *testing.T) {
	t.Parallel()
	made := time.Now()
	started := made.Add(time.Second)
	for _, c := range []struct {
		state protocol.State
		at    time.Time
		want  string
		stale bool
	}{
		{protocol.StateHealthy, made.Add(-1), run.Starting, true},
		{protocol.StateHealthy, made, run.Running, false},
		{protocol.StateNeverUp, made, run.Starting, true},
		{protocol.StateNeverUp, started, run.Failed, false},
		{protocol.StateUnhealthy, started, run.Failed, false},
		{protocol.StateStarting, made.Add(-1), run.Starting, false},
	} {
		got, stale := judgeHealth(protocol.Event{State: c.state, Time: c.at}, true, made, started)
		if got.State != c.want || stale != c.stale {
			t.Errorf("%s at %v: %s, stale %v; expected %s, %v", c.state, c.at.Sub(made), got.State, stale, c.want, c.stale)
		}
	}
}
