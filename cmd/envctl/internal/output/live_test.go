package output

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
)

// session is a text printer on a virtual terminal.
type session struct {
	Printer
	term  *terminal
	clock *handClock
	out   *bytes.Buffer
}

func newSession(t *testing.T, width, height int, o Options) session {
	term := &terminal{t: t, width: width, height: height}
	s := session{term: term, clock: newHandClock(), out: &bytes.Buffer{}}
	o.Format, o.Stdout, o.Stderr, o.Clock = Text, s.out, term, s.clock
	o.Screen = &Screen{W: term, Size: term.size}
	s.Printer = New(o)
	return s
}

func resource(state, op, kind, name, parent string) stacks.Event {
	return stacks.Event{Type: stacks.EventResource, State: state, Op: op, Kind: kind, Resource: name, Parent: parent}
}

func (s session) want(t *testing.T, want ...string) {
	t.Helper()
	if got := spin(s.term.text()); got != strings.Join(want, "\n") {
		t.Errorf("screen:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

// spin makes every sign of the spinners the first one.
func spin(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", r) {
			return '⠋'
		}
		return r
	}, s)
}

func TestLiveTree(t *testing.T) {
	t.Parallel()
	s := newSession(t, 60, 10, Options{ColorErr: true})
	s.Event(resource("running", "create", "experiment", "csv", ""))
	s.Event(resource("running", "create", "network", "envctl", "csv"))
	if s.term.written() != 0 {
		t.Error("drawn before the first tick")
	}
	s.clock.advance(200 * time.Millisecond)
	s.want(t,
		"⠋ experiment csv creating 0.20s",
		"  ⠋ network envctl creating 0.20s")
	done := resource("done", "create", "network", "envctl", "")
	done.Seconds = 0.3
	s.Event(done)
	s.Event(resource("running", "create", "container", "api", "csv"))
	s.Event(stacks.Event{Type: stacks.EventLog, Kind: "container", Resource: "api", Message: "step 1\nstep \x1b[2J\x1b]0;title\x07two\r\n"})
	s.clock.advance(time.Second)
	s.want(t,
		"⠋ experiment csv creating 1.2s",
		"  ✓ network envctl created 0.30s",
		"  ⠋ container api creating 1.0s · step two")
	s.Notice("stopping…")
	s.want(t,
		"stopping…",
		"⠋ experiment csv creating 1.2s",
		"  ✓ network envctl created 0.30s",
		"  ⠋ container api creating 1.0s · step two")
	failed := resource("failed", "create", "container", "api", "csv")
	failed.Seconds, failed.Message = 1.5, "exit status 3"
	s.Event(failed)
	if err := s.Finish(nil, &Failure{Message: "it failed", Hint: "mend it"}); err != nil {
		t.Fatal(err)
	}
	s.want(t,
		"stopping…",
		"✗ experiment csv stopped 1.2s",
		"  ✓ network envctl created 0.30s",
		"  ✗ container api failed 1.5s",
		"    exit status 3",
		"--- log of container api",
		"  step 1",
		"  step two",
		"error: it failed",
		"try: mend it")
	if !s.clock.stopped {
		t.Error("the clock still ticks")
	}
}

// What is unchanged must not be shown, and what is over within a tick drawn once.
func TestLiveUnchanged(t *testing.T) {
	t.Parallel()
	s := newSession(t, 60, 10, Options{})
	s.Event(stacks.Event{Type: stacks.EventPhase, Phase: "apply", State: "running"})
	for _, n := range []string{"a", "b"} {
		s.Event(resource("running", "same", "container", n, ""))
		s.Event(resource("done", "same", "container", n, ""))
	}
	s.Event(stacks.Event{Type: stacks.EventPhase, Phase: "apply", State: "done", Seconds: 0.02})
	if err := s.Finish(Value{Value: "v"}, nil); err != nil {
		t.Fatal(err)
	}
	if s.term.written() != 0 || s.out.String() != "v\n" {
		t.Errorf("wrote %d times: %q; stdout %q", s.term.written(), s.term.text(), s.out.String())
	}
}

// A tree that is larger than the terminal must neither wrap nor scroll, and be
// there in full at the end.
func TestLiveSmallTerminal(t *testing.T) {
	t.Parallel()
	s := newSession(t, 24, 5, Options{})
	for i := range 9 {
		s.Event(resource("running", "create", "container", fmt.Sprintf("worker-%d", i), ""))
	}
	for i := range 6 {
		s.Event(resource("done", "create", "container", fmt.Sprintf("worker-%d", i), ""))
	}
	s.clock.advance(time.Second)
	s.want(t, "… 6 more", "⠋ container worker-6 c…", "⠋ container worker-7 c…", "⠋ container worker-8 c…")
	for i := range 3 {
		s.Event(resource("done", "create", "container", fmt.Sprintf("worker-%d", i+6), ""))
	}
	if err := s.Finish(nil, nil); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(s.term.text(), "\n")
	if len(got) != 9 || got[0] != "✓ container worker-0 c…" || got[8] != "✓ container worker-8 c…" {
		t.Errorf("screen at the end:\n%s", s.term.text())
	}
}

// When the terminal becomes narrower it wraps what is there: no rest may stay.
func TestLiveResize(t *testing.T) {
	t.Parallel()
	for _, width := range []int{5, 12, 13, 29, 200} {
		s := newSession(t, 40, 50, Options{})
		s.Event(resource("running", "create", "container", "one", ""))
		s.Event(resource("running", "create", "container", "two", ""))
		s.clock.advance(time.Second)
		reflow(s.term, width)
		s.clock.advance(time.Second)
		lines := strings.Split(s.term.text(), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[1], cut("⠋ container two creating", width-2)[:1]) {
			t.Errorf("at width %d:\n%s", width, s.term.text())
		}
		if err := s.Finish(nil, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// reflow wraps what is on the terminal as terminals do when they become narrower.
func reflow(v *terminal, width int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var cells [][]rune
	for _, l := range v.cells {
		l = []rune(strings.TrimRight(string(l), " "))
		for len(l) > width {
			cells, l = append(cells, l[:width]), l[width:]
		}
		if len(l) > 0 {
			cells = append(cells, l)
		}
	}
	v.cells, v.row, v.width = cells, len(cells), width
}

func TestLiveASCII(t *testing.T) {
	t.Parallel()
	s := newSession(t, 30, 10, Options{ASCII: true})
	s.Event(resource("running", "create", "container", "with-a-long-name-indeed", ""))
	s.clock.advance(time.Second)
	if got := s.term.text(); got[1:] != " container with-a-long-na..." || !strings.Contains(`|/-\`, got[:1]) {
		t.Errorf("screen: %s", got)
	}
	if err := s.Finish(nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.term.text() {
		if r > 0x7f {
			t.Errorf("%q is not ASCII", r)
		}
	}
}

// Resources must stand below the phase in which they appeared.
func TestLivePhases(t *testing.T) {
	t.Parallel()
	s := newSession(t, 60, 10, Options{})
	phase := func(state, name string) {
		s.Event(stacks.Event{Type: stacks.EventPhase, State: state, Phase: name, Seconds: 2})
	}
	phase("running", "build")
	s.Event(resource("running", "create", "image", "api", ""))
	s.Event(resource("done", "create", "image", "api", ""))
	phase("done", "build")
	phase("running", "apply")
	s.Event(resource("running", "create", "container", "api", "nobody"))
	s.clock.advance(time.Second)
	s.want(t, "✓ build done 2.0s", "  ✓ image api created 0.00s", "⠋ apply running 1.0s", "  ⠋ container api creating 1.0s")
	if err := s.Finish(nil, nil); err != nil {
		t.Fatal(err)
	}
}

// Logs are shown while they come with --verbose; warnings always are.
func TestLiveLogs(t *testing.T) {
	t.Parallel()
	for _, verbose := range []bool{false, true} {
		s := newSession(t, 60, 10, Options{Verbose: verbose})
		s.Event(resource("running", "create", "image", "api", ""))
		s.clock.advance(0)
		s.Event(stacks.Event{Type: stacks.EventLog, Resource: "api", Message: "compiling"})
		s.Event(stacks.Event{Type: stacks.EventLog, Severity: "warning", Message: "slow"})
		s.Event(resource("done", "create", "image", "api", ""))
		if err := s.Finish(nil, nil); err != nil {
			t.Fatal(err)
		}
		want := []string{"warning: slow", "✓ image api created 0.00s"}
		if verbose {
			want = append([]string{"api | compiling"}, want...)
		}
		s.want(t, want...)
	}
}

// Parents that are unknown or go in a circle must not lose a resource.
func TestTreeRows(t *testing.T) {
	t.Parallel()
	var tr tree
	for _, e := range [][2]string{{"a", "b"}, {"b", "c"}, {"c", "a"}, {"d", "nobody"}, {"e", "e"}} {
		tr.add(resource("running", "create", "x", e[0], e[1]), noon)
	}
	names := map[string]int{}
	for _, r := range tr.rows() {
		names[r.node.last.Resource]++
	}
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		if names[n] != 1 {
			t.Errorf("%s is shown %d times", n, names[n])
		}
	}
}
