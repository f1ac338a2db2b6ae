package output

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/envctl/envctl/stacks"
)

// tick is how often the tree is drawn. What is over sooner is drawn once.
const tick = 100 * time.Millisecond

// live is progress on a terminal: the tree of resources, drawn in place.
type live struct {
	o     Options
	marks marks

	mu    sync.Mutex
	tree  tree
	frame frame
	turn  int // of the spinner
	stop  chan struct{}
	ended chan struct{}
}

// marks are the signs before a resource.
type marks struct {
	spinner        []string
	done, failed   string
	ellipsis, fold string
}

var (
	unicodeMarks = marks{strings.Split("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", ""), "✓", "✗", "…", "·"}
	asciiMarks   = marks{strings.Split(`|/-\`, ""), "+", "x", "...", "-"}
)

func newLive(o Options) *live {
	l := &live{o: o, marks: unicodeMarks, frame: frame{screen: o.Screen}}
	if o.ASCII {
		l.marks = asciiMarks
	}
	return l
}

func (l *live) event(e stacks.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tree.add(e, l.o.Clock.Now())
	if l.stop == nil {
		l.stop, l.ended = make(chan struct{}), make(chan struct{})
		ticks, stopTicks := l.o.Clock.Tick(tick)
		go l.run(ticks, stopTicks, l.stop, l.ended)
	}
}

func (l *live) run(ticks <-chan time.Time, stopTicks func(), stop, ended chan struct{}) {
	defer close(ended)
	defer stopTicks()
	for {
		select {
		case <-stop:
			return
		case <-ticks:
			l.mu.Lock()
			l.turn++
			l.draw(nil, false)
			l.mu.Unlock()
		}
	}
}

func (l *live) print(text []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw(text, false)
}

// done draws the tree a last time, in full.
func (l *live) done() {
	if l.stop != nil {
		close(l.stop)
		<-l.ended
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw(nil, true)
}

// draw is called with the lock held.
func (l *live) draw(above []string, last bool) {
	width, height := l.o.Screen.Size()
	if width <= 0 {
		width = 80
	}
	if height <= 0 {
		height = 24
	}
	lines := l.lines(width-1, height-1, last)
	l.frame.draw(width, above, lines)
}

// lines renders the tree. The last column and row stay free, so nothing wraps or
// scrolls. Where there are too many rows for the height, those that ended first
// are left out and counted; the last drawing is never moved over, so it has all.
func (l *live) lines(width, height int, last bool) []string {
	rows := l.tree.rows()
	left := 0
	if !last && len(rows) > height {
		left = len(rows) - max(1, height-1)
		rows = fit(rows, left)
	}
	now := l.o.Clock.Now()
	var out []string
	if left > 0 {
		out = append(out, cut(fmt.Sprintf("%s %d more", l.marks.ellipsis, left), width))
	}
	for _, r := range rows {
		out = append(out, l.line(r, width, now, last))
		if last && r.node.last.State == stacks.StateFailed {
			out = append(out, l.message(r, width)...)
		}
	}
	return out
}

// fit leaves out n rows: first those that are done, then from the top.
func fit(rows []row, n int) []row {
	var out []row
	for _, r := range rows {
		if n > 0 && r.node.last.State == stacks.StateDone {
			n--
			continue
		}
		out = append(out, r)
	}
	return out[n:]
}

// line renders one row: sign, what it is, state word, time, newest line of its log.
func (l *live) line(r row, width int, now time.Time, last bool) string {
	n := r.node
	mark := green(l.marks.done)
	switch {
	case n.last.State == stacks.StateFailed:
		mark = red(l.marks.failed)
	case n.running() && last: // cut short
		mark = yellow(l.marks.failed)
	case n.running():
		mark = cyan(l.marks.spinner[l.turn%len(l.marks.spinner)])
	}
	e, color := n.last, l.o.ColorErr
	state := word(e)
	if n.running() && last {
		state = "stopped"
	}
	text := strings.Repeat("  ", r.depth) + mark.render(color) + " " +
		Clean(label(e.Kind, e.Resource, e.Phase)) + " " + dim(state).render(color) + " " +
		seconds(n.elapsed(now))
	if n.running() && !last && n.logLine != "" {
		text += " " + dim(l.marks.fold+" "+n.logLine).render(color)
	}
	return l.cut(text, width)
}

// message renders why a resource failed, wrapped to the width.
func (l *live) message(r row, width int) []string {
	indent := strings.Repeat("  ", r.depth) + "  "
	var out []string
	for _, m := range CleanLines(r.node.last.Message) {
		if m == "" {
			continue
		}
		for _, w := range strings.Split(ansi.Wrap(m, max(20, width-len(indent)), ""), "\n") {
			out = append(out, l.cut(indent+w, width))
		}
	}
	return out
}

func (l *live) cut(s string, width int) string {
	if ansi.StringWidth(s) <= width {
		return s
	}
	if l.o.ASCII {
		return ansi.Truncate(s, width, "...")
	}
	return cut(s, width)
}
