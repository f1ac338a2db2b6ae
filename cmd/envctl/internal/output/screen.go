package output

import (
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Screen is a terminal that the cursor can be moved on.
type Screen struct {
	W io.Writer
	// Size returns the terminal's width and height in cells; it is asked before
	// each frame, so a change of size takes effect at once. Zero: not known.
	Size func() (width, height int)
}

// The sequences that a frame is made of. Terminals that do not know synchronized
// output (mode 2026) ignore it.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	beginSync  = "\x1b[?2026h"
	endSync    = "\x1b[?2026l"
	eraseLine  = "\x1b[K"
	eraseBelow = "\x1b[J"
)

// frame is a block of lines at the cursor that is drawn again in place. Every
// write is whole: it hides the cursor, draws and shows the cursor again, so that
// the terminal is in order at whatever instant the process ends.
type frame struct {
	screen *Screen
	shown  []string // the lines drawn last, as they are on the terminal
}

// draw replaces the frame by lines, after writing above, which scrolls away.
// Lines are not longer than width. Nothing is written where nothing changed.
func (f *frame) draw(width int, above, lines []string) {
	if len(above) == 0 && equal(lines, f.shown) {
		return
	}
	var b strings.Builder
	b.WriteString(beginSync + hideCursor + "\r")
	if up := f.height(width); up > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(up) + "A")
	}
	for _, l := range above {
		b.WriteString(l + eraseLine + "\r\n")
	}
	for _, l := range lines {
		b.WriteString(l + eraseLine + "\r\n")
	}
	b.WriteString(eraseBelow + showCursor + endSync)
	_, _ = io.WriteString(f.screen.W, b.String()) // progress: an error has nowhere to go
	f.shown = lines
}

// height is how many rows the frame takes now: more than its lines where the
// terminal became narrower and wraps them.
func (f *frame) height(width int) int {
	rows := 0
	for _, l := range f.shown {
		rows += max(1, (ansi.StringWidth(l)+width-1)/width)
	}
	return rows
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
