package output

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
)

// plainRun gives events and a failure to a printer without a terminal.
func plainRun(t *testing.T, o Options, f *Failure, events ...stacks.Event) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	o.Stdout, o.Stderr, o.Clock = &out, &err, stopped{}
	p := New(o)
	for _, e := range events {
		p.Event(e)
	}
	if err := p.Finish(nil, f); err != nil {
		t.Fatal(err)
	}
	return out.String(), err.String()
}

func log(name, text string) stacks.Event {
	return stacks.Event{Type: stacks.EventLog, Kind: "image", Resource: name, Message: text}
}

func ended(state, op, kind, name string, seconds float64) stacks.Event {
	e := resource(state, op, kind, name, "")
	e.Seconds = seconds
	return e
}

// Without a terminal there must be a line for each finished resource, and no log of
// what went well.
func TestLines(t *testing.T) {
	t.Parallel()
	events := []stacks.Event{
		{Type: stacks.EventPhase, Phase: "build", State: "running"},
		log("api", "compiling"), log("api", "\x1b[2Jdone"),
		{Type: stacks.EventPhase, Phase: "build", State: "done", Seconds: 3.21},
		resource("running", "create", "network", "envctl", ""),
		ended("done", "create", "network", "envctl", 0.3),
		ended("done", "same", "container", "store", 0),
		ended("done", "replace", "container", "api", 61),
		{Type: stacks.EventLog, Severity: "warning", Message: "no budget\nsecond"},
	}
	_, got := plainRun(t, Options{}, nil, events...)
	const want = `done       build  3.2s
created    network envctl  0.30s
replaced   container api  1m01s
warning: no budget
warning: second
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	_, got = plainRun(t, Options{Verbose: true}, nil, events...)
	for _, w := range []string{"api | compiling\n", "api | done\n", "unchanged  container store  0.00s\n"} {
		if !strings.Contains(got, w) {
			t.Errorf("--verbose has no %q:\n%s", w, got)
		}
	}
}

// When something fails, the end of its log must be shown, and of no other.
func TestFoldedLog(t *testing.T) {
	t.Parallel()
	events := []stacks.Event{log("good", "never seen")}
	for i := range 25 {
		events = append(events, log("bad", fmt.Sprintf("line %d", i)))
	}
	failed := ended("failed", "create", "image", "bad", 2)
	failed.Message = "exit status 1\n\x1b[1mmore"
	events = append(events, failed)
	_, got := plainRun(t, Options{}, &Failure{Message: "it failed\nwith detail", Reason: "because", Hint: "mend it"}, events...)
	var want strings.Builder
	want.WriteString("failed     image bad  2.0s\n           exit status 1\n           more\n" +
		"--- last lines of image bad (left out: 5 lines, --verbose shows all)\n")
	for i := 5; i < 25; i++ {
		fmt.Fprintf(&want, "  line %d\n", i)
	}
	want.WriteString("error: it failed\n  with detail\n  because\ntry: mend it\n")
	if got != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got, want.String())
	}
	if _, got := plainRun(t, Options{}, nil, events...); strings.Contains(got, "line 24") {
		t.Errorf("the log is shown without a failure:\n%s", got)
	}
}

// What only counts bytes, ends a step or says what the failure says must not be among
// the log, nor the log of an image among that of a container of the same name. What a
// signal ended has not failed: it shows no log.
func TestFoldedLogSaysNothingTwice(t *testing.T) {
	t.Parallel()
	step := func(state, severity, kind, text string) stacks.Event {
		return stacks.Event{Type: stacks.EventLog, Resource: "web", Kind: kind, State: state, Severity: severity, Message: text}
	}
	events := []stacks.Event{
		step("", "info", "image", "[1/1] COPY a b"), step("running", "info", "image", "context 40%"), step("done", "info", "image", "[1/1] COPY a b (cached)"),
		ended("done", "create", "image", "web", 1), step("", "info", "container", "waiting"),
		step("", "error", "container", "1 error occurred:\n\t* it exits"), ended("failed", "create", "container", "web", 2),
	}
	_, got := plainRun(t, Options{}, &Failure{Message: "it exits"}, events...)
	want := "created    image web  1.0s\nfailed     container web  2.0s\n--- log of container web\n  waiting\nerror: it exits\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, got := plainRun(t, Options{}, &Failure{Message: "interrupted", Interrupted: true}, events...); strings.Contains(got, "---") {
		t.Errorf("a log of what was interrupted:\n%s", got)
	}
	if _, got := plainRun(t, Options{Verbose: true}, nil, events...); strings.Contains(got, "40%") || !strings.Contains(got, "(cached)") {
		t.Errorf("--verbose:\n%s", got)
	}
	events = append(events, step("failed", "error", "image", "[2/2] RUN false: exit status 1"))
	if _, got := plainRun(t, Options{}, &Failure{Message: "it failed"}, events...); !strings.Contains(got, "--- log of image web\n  [1/1] COPY a b\n  [2/2] RUN false: exit status 1\n") {
		t.Errorf("a failed build:\n%s", got)
	}
}

// JSON must be one object, the failure among the result, and nothing on stderr.
func TestFailureAsJSON(t *testing.T) {
	t.Parallel()
	f := &Failure{Code: "policy", Message: "<refused> & done", Path: "apps.api", Problems: []Problem{{Path: "a", Message: "b"}}, Status: 3}
	const object = `{"code":"policy","message":"<refused> & done","path":"apps.api","problems":[{"path":"a","message":"b"}]}`
	for _, c := range []struct {
		d    Document
		want string
	}{
		{nil, `{"schemaVersion":1,"error":` + object + "}\n"},
		{Value{SchemaVersion: 1, Key: "k"}, `{"schemaVersion":1,"command":"","key":"k","value":"","error":` + object + "}\n"},
	} {
		var out, err bytes.Buffer
		p := New(Options{Format: NDJSON, Stdout: &out, Stderr: &err, Clock: stopped{}})
		if e := p.Finish(c.d, f); e != nil || out.String() != c.want || err.Len() > 0 {
			t.Errorf("%v: %s, stderr %q", e, out.String(), err.String())
		}
	}
}

// Events as NDJSON must be a line each, before the result, from many goroutines.
func TestEventsAsNDJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := New(Options{Format: NDJSON, Stdout: &out, Stderr: &bytes.Buffer{}, Clock: stopped{}})
	done := make(chan bool)
	for i := range 20 {
		go func() {
			e := log(fmt.Sprint(i), "text\nwith a break")
			e.Time = time.Time{} // some have none
			p.Event(e)
			done <- p.Log("", LogLine{App: "x", Text: "y"}) == nil
		}()
	}
	for range 20 {
		if !<-done {
			t.Error("Log failed")
		}
	}
	if err := p.Finish(Value{Value: "v"}, nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 41 || !strings.Contains(lines[40], `"value":"v"`) {
		t.Errorf("%d lines, the last %s", len(lines), lines[len(lines)-1])
	}
	for _, l := range lines {
		if !strings.HasPrefix(l, "{") || !strings.HasSuffix(l, "}") {
			t.Errorf("not an object: %s", l)
		}
		if strings.Contains(l, `"type"`) && !strings.Contains(l, `"time":"`+stopped{}.Now().Format(time.RFC3339)) {
			t.Errorf("an event of another time: %s", l)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for s, want := range map[float64]string{0: "0.00s", 0.994: "0.99s", 0.996: "1.0s", 59.94: "59.9s", 59.96: "1m00s", 3600: "60m00s"} {
		if got := seconds(s); got != want {
			t.Errorf("seconds(%v) = %s, want %s", s, got, want)
		}
	}
	for s, want := range map[int]string{0: "0s", 59: "59s", 60: "1m", 61: "1m1s", 3600: "1h", 8*3600 - 60: "7h59m", 86400: "1d", 100 * 3600: "4d4h"} {
		if got := span(time.Duration(s) * time.Second); got != want {
			t.Errorf("span(%ds) = %s, want %s", s, got, want)
		}
	}
}
