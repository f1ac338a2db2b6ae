package serve

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// told are the egress events of a gateway.
func told(t *testing.T, events *lines) (out []protocol.Event) {
	t.Helper()
	for line := range strings.Lines(events.String()) {
		var e protocol.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Event == protocol.EventEgress {
			out = append(out, e)
		}
	}
	return out
}

func clockedLog(events *lines) (*egressLog, *time.Time) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := newEgressLog(newEmitter(events))
	l.now = func() time.Time { return now }
	return l, &now
}

// A million hosts make neither a long log nor much memory, hide no other app's
// refusals, and are all counted.
func TestMillionHostsAreSummedUp(t *testing.T) {
	events := &lines{}
	l, now := clockedLog(events)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const hosts = 1_000_000
	for i := range hosts {
		l.refused("api", fmt.Sprintf("%d.%s.evil.test:443", i, strings.Repeat("x", 200)), "the host is not in its list")
		if i%1000 == 0 {
			*now = now.Add(10 * time.Millisecond)
			l.flush(false)
		}
	}
	l.refused("store", "evil.test:443", "the host is not in its list")
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the heap grew by %d KiB, expected less than 4 MiB", grown>>10)
	}
	l.end()
	counted := map[string]int{}
	list := told(t, events)
	for _, e := range list {
		counted[e.App] += e.Count
	}
	if len(list) > 400 || len(events.String()) > 256<<10 {
		t.Errorf("%d events in %d bytes, expected at most 400", len(list), len(events.String()))
	}
	if counted["api"] != hosts || counted["store"] != 1 {
		t.Errorf("counted %v, expected %d and 1", counted, hosts)
	}
}

// Who asks for the status finds in the output what was only counted before.
func TestStatusTellsWhatWasCounted(t *testing.T) {
	t.Parallel()
	events := &lines{}
	l, _ := clockedLog(events)
	for range 3 {
		l.allowed("api", "site.test:443", "")
	}
	socket := fmt.Sprintf("@envctl-told-%d", time.Now().UnixNano())
	status, err := listenStatus(t.Context(), socket, newBoard(protocol.Health{}), (&egress{log: l}).tell)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = status.run(t.Context()) }()
	for _, want := range []string{"[1 2]", "[1 2]"} { // the second asks for nothing new
		if err := AskStatus(t.Context(), socket, io.Discard); err != nil {
			t.Fatal(err)
		}
		var counts []int
		for _, e := range told(t, events) {
			counts = append(counts, e.Count)
		}
		if got := fmt.Sprint(counts); got != want {
			t.Errorf("told %s, expected %s", got, want)
		}
	}
	var none *egress
	none.tell()
}

func TestAlikeEventsAreCounted(t *testing.T) {
	t.Parallel()
	events := &lines{}
	l, now := clockedLog(events)
	for range 5 {
		l.refused("api", "evil.test:443", "no")
		l.allowed("api", "site.test:443", "")
	}
	*now = now.Add(logRefused)
	l.flush(false)
	for range 3 {
		*now = now.Add(logAllowed)
		l.flush(false)
	}
	l.refused("api", "evil.test:443\n\x1b[2J", "no")
	var got []string
	for _, e := range told(t, events) {
		got = append(got, fmt.Sprintf("%s %v %d", e.Host, e.Allowed, e.Count))
	}
	want := "evil.test:443 false 1, site.test:443 true 1, evil.test:443 false 4, site.test:443 true 4, evil.test:443  [2J false 1"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s\nexpected\n%s", strings.Join(got, ", "), want)
	}
	if len(l.apps["api"].held) != 1 {
		t.Errorf("%d held, expected what happened just now only", len(l.apps["api"].held))
	}
}
