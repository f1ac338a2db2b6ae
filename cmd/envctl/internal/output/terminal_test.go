package output

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
)

// terminal is a virtual terminal that knows the sequences the tree is drawn with,
// and fails the test on any other, on a line that wraps and on a write that leaves
// the cursor hidden.
type terminal struct {
	t             *testing.T
	mu            sync.Mutex
	width, height int
	cells         [][]rune // the screen and what scrolled away above it
	row, col      int
	top           int // first row of the screen
	hidden        bool
	writes        int
	wrapOK        bool
}

var sequence = regexp.MustCompile(`^\x1b\[(\??)(\d*)([A-Za-z])`)

func (v *terminal) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.writes++
	for s := string(p); s != ""; {
		if m := sequence.FindStringSubmatch(s); m != nil {
			v.control(m[1], m[2], m[3])
			s = s[len(m[0]):]
			continue
		}
		r := []rune(s)[0]
		s = s[len(string(r)):]
		switch r {
		case '\n':
			v.row, v.col = v.row+1, 0 // as a terminal's line discipline does
			v.top = max(v.top, v.row-v.height+1)
		case '\r':
			v.col = 0
		default:
			if r < 0x20 {
				v.t.Errorf("control character %q", r)
			}
			v.put(r)
		}
	}
	if v.hidden {
		v.t.Error("the cursor stays hidden after a write")
	}
	return len(p), nil
}

func (v *terminal) control(private, number, final string) {
	n, _ := strconv.Atoi(number)
	switch private + final {
	case "?h", "?l":
		if n == 25 {
			v.hidden = final == "l"
		} else if n != 2026 {
			v.t.Errorf("mode %d", n)
		}
	case "A":
		v.row = max(v.top, v.row-n)
	case "K":
		v.line(v.row)
		v.cells[v.row] = v.cells[v.row][:min(v.col, len(v.cells[v.row]))]
	case "J":
		v.line(v.row)
		v.cells[v.row] = v.cells[v.row][:min(v.col, len(v.cells[v.row]))]
		v.cells = v.cells[:v.row+1]
	case "m":
	default:
		v.t.Errorf("sequence %s%s%s", private, number, final)
	}
}

func (v *terminal) line(n int) {
	for len(v.cells) <= n {
		v.cells = append(v.cells, nil)
	}
}

func (v *terminal) put(r rune) {
	w := runewidth.RuneWidth(r)
	if v.col+w > v.width {
		if !v.wrapOK {
			v.t.Errorf("a line wraps at %q", r)
		}
		v.row, v.col = v.row+1, 0
		v.top = max(v.top, v.row-v.height+1)
	}
	v.line(v.row)
	for len(v.cells[v.row]) < v.col+w {
		v.cells[v.row] = append(v.cells[v.row], ' ')
	}
	v.cells[v.row][v.col] = r
	for i := 1; i < w; i++ {
		v.cells[v.row][v.col+i] = 0
	}
	v.col += w
}

// text is everything that is or was on the screen.
func (v *terminal) text() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var b strings.Builder
	for _, l := range v.cells {
		b.WriteString(strings.TrimRight(strings.ReplaceAll(string(l), "\x00", ""), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func (v *terminal) written() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.writes
}

func (v *terminal) resize(width, height int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.width, v.height = width, height
}

func (v *terminal) size() (int, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.width, v.height
}

// handClock is a clock that a test moves.
type handClock struct {
	mu      sync.Mutex
	now     time.Time
	ticks   chan time.Time
	stopped bool
}

func newHandClock() *handClock { return &handClock{now: noon, ticks: make(chan time.Time)} }

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) Tick(d time.Duration) (<-chan time.Time, func()) {
	if d != 100*time.Millisecond {
		panic(fmt.Sprintf("drawn every %s", d))
	}
	return c.ticks, func() { c.mu.Lock(); c.stopped = true; c.mu.Unlock() }
}

// advance moves the clock and lets the tree be drawn: the second tick is taken only
// when the first was dealt with. It may or may not be drawn, too.
func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	c.ticks <- c.Now()
	c.ticks <- c.Now()
}
