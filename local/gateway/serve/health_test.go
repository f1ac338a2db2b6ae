package serve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// script is a container by the clock: when it runs and how it answers.
type script struct {
	began   time.Time
	runs    time.Duration // after which its name resolves
	answers []span
	takes   time.Duration // that one check lasts
	checked []time.Duration
}

// span is an answer that holds until a time.
type span struct {
	until  time.Duration
	reason string // "200" is healthy
}

func (s *script) running(context.Context, protocol.Probe) bool { return time.Since(s.began) >= s.runs }

func (s *script) check(ctx context.Context, _ protocol.Probe) outcome {
	s.checked = append(s.checked, time.Since(s.began))
	if !sleep(ctx, s.takes) {
		return outcome{reason: "timed out"}
	}
	for _, a := range s.answers {
		if time.Since(s.began) < a.until {
			return outcome{healthy: a.reason == "200", reason: a.reason}
		}
	}
	return outcome{healthy: true, reason: "200"}
}

// transition is a health event without its date.
type transition struct {
	State  protocol.State
	Reason string
	After  float64
}

// play runs a prober on s for length of fake time, rings at the times given, and
// returns its events.
func play(t *testing.T, probe protocol.Probe, s *script, length time.Duration, rings ...time.Duration) []transition {
	t.Helper()
	var out bytes.Buffer
	s.began = time.Now()
	cfg := protocol.Health{Probes: []protocol.Probe{probe}}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	p := &prober{probes: cfg.Probes, checks: s, board: newBoard(cfg), events: newEmitter(&out)}
	for _, at := range rings {
		time.AfterFunc(at, p.anew.ring)
	}
	if err := p.run(ctx); err != nil {
		t.Fatal(err)
	}
	return transitions(t, &out)
}

func transitions(t *testing.T, in io.Reader) []transition {
	t.Helper()
	var got []transition
	for reader := protocol.NewReader(in); ; {
		e, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, transition{e.State, e.Reason, e.After})
	}
}

func TestHealthTransitions(t *testing.T) {
	t.Parallel()
	const s, ms, ever = time.Second, time.Millisecond, time.Hour
	starting := transition{protocol.StateStarting, "name does not resolve", 0}
	cases := map[string]struct {
		script script
		length time.Duration
		want   []transition
	}{
		"healthy at once": {script{}, s, []transition{starting, {protocol.StateHealthy, "200", 0}}},
		"healthy while starting": {
			script{answers: []span{{40 * ms, "connection refused"}}}, s,
			[]transition{starting, {protocol.StateHealthy, "200", 0.056}},
		},
		"never up after grace": {
			script{answers: []span{{ever, "503"}}}, 30 * s,
			[]transition{starting, {protocol.StateNeverUp, "503", 5}},
		},
		"never up though the check hangs": {
			script{takes: ever}, 30 * s,
			[]transition{starting, {protocol.StateNeverUp, "timed out", 5}},
		},
		"up after all": {
			script{answers: []span{{12 * s, "503"}}}, 30 * s,
			[]transition{starting, {protocol.StateNeverUp, "503", 5}, {protocol.StateHealthy, "200", 12}},
		},
		"grace counts from the container's start": {
			script{runs: 60 * s, answers: []span{{63 * s, "connection refused"}}}, 70 * s,
			[]transition{starting, {protocol.StateHealthy, "200", 63}},
		},
		"one that never runs is starting": {script{runs: ever}, 600 * s, []transition{starting}},
		"two failures are forgiven": {
			script{answers: []span{{500 * ms, "200"}, {2500 * ms, "500"}}}, 20 * s,
			[]transition{starting, {protocol.StateHealthy, "200", 0}},
		},
		"three failures in a row, then well again": {
			script{answers: []span{{500 * ms, "200"}, {5500 * ms, "500"}}}, 20 * s,
			[]transition{starting, {protocol.StateHealthy, "200", 0}, {protocol.StateUnhealthy, "500", 3}, {protocol.StateHealthy, "200", 6}},
		},
		"success in between starts the count anew": {
			script{answers: []span{{500 * ms, "200"}, {2500 * ms, "500"}, {3500 * ms, "200"}, {5500 * ms, "500"}}}, 20 * s,
			[]transition{starting, {protocol.StateHealthy, "200", 0}},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				probe := protocol.Probe{App: "api", Host: "api", Port: 80, Interval: 1, Timeout: 2, Retries: 3, Grace: 5}
				got := play(t, probe, &test.script, test.length)
				slop := cmp.Comparer(func(a, b float64) bool { return a-b < 0.26 && b-a < 0.26 }) // pollSlowest
				if diff := cmp.Diff(test.want, got, slop); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// The pace matters: the first checks decide how soon an app is known to be up,
// the later ones what waiting costs.
func TestHealthPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []span{{10 * time.Second, "connection refused"}}}
		probe := protocol.Probe{App: "api", Host: "api", Port: 80, Interval: 7, Timeout: 2, Retries: 3, Grace: 60}
		play(t, probe, s, time.Minute)
		var gaps []time.Duration
		for i := 1; i < len(s.checked); i++ {
			gaps = append(gaps, s.checked[i]-s.checked[i-1])
		}
		up := slices.IndexFunc(gaps, func(d time.Duration) bool { return d > pollSlowest })
		if gaps[0] != pollFirst || !slices.IsSorted(gaps[:up]) || gaps[up-1] != pollSlowest {
			t.Errorf("gaps while starting %v, expected %v growing to %v", gaps[:up], pollFirst, pollSlowest)
		}
		for _, gap := range gaps[up:] {
			if gap != 7*time.Second {
				t.Errorf("gap %v when healthy, expected the interval of 7s", gap)
			}
		}
	})
}

func TestPaceStartsAnewWithTheContainer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{runs: time.Minute, answers: []span{{time.Hour, "connection refused"}}}
		probe := protocol.Probe{App: "api", Host: "api", Port: 80, Interval: 7, Timeout: 2, Retries: 3, Grace: 60}
		play(t, probe, s, 61*time.Second)
		if gap := s.checked[1] - s.checked[0]; gap != pollFirst {
			t.Errorf("second check %v after the first, expected %v", gap, pollFirst)
		}
	})
}

// A container that is replaced may take the old one's place between two checks.
func TestRingingChecksAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []span{{30 * time.Second, "200"}, {time.Hour, "500"}}}
		probe := protocol.Probe{App: "api", Host: "api", Port: 80, Interval: 240, Timeout: 2, Retries: 3, Grace: 5}
		got := play(t, probe, s, time.Minute, 31*time.Second)
		var states []protocol.State
		for _, tr := range got {
			states = append(states, tr.State)
		}
		want := []protocol.State{protocol.StateStarting, protocol.StateHealthy, protocol.StateStarting, protocol.StateNeverUp}
		if diff := cmp.Diff(want, states); diff != "" {
			t.Error(diff)
		}
	})
}

func TestIngressEventsAreRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		e := newEmitter(&out)
		for range 1000 {
			e.ingress("api", "connection refused")
		}
		e.ingress("web", "connection refused")
		time.Sleep(quiet)
		e.ingress("api", "connection refused")
		e.ingress("web", "timed out")
		e.ingress("web", "timed out")
		e.stop(errors.New("over\nand out"))
		type line struct {
			Kind, App, Reason string
			Count             int
		}
		var got []line
		for reader := protocol.NewReader(&out); ; {
			e, err := reader.Next()
			if err != nil {
				break
			}
			got = append(got, line{e.Event, e.App, e.Reason, e.Count})
		}
		want := []line{
			{"ingress", "api", "connection refused", 1},
			{"ingress", "web", "connection refused", 1},
			{"ingress", "api", "connection refused", 1000},
			{"ingress", "web", "timed out", 1},
			{"ingress", "web", "timed out", 1},
			{"stop", "", "over and out", 0},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
