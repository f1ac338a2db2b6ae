package output

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// Page is what a [Document] writes its text on. It cleans the text it is given
// ([Clean]) and keeps the first error of writing, so callers need not look.
type Page struct {
	w       io.Writer
	err     error
	color   bool
	verbose bool
	now     time.Time
	width   int // in columns, of the terminal; 0: there is none, and lines are as long as they are
}

// Line prints one line. Strings, errors and Stringers among args are cleaned;
// what Bold and the like return keeps its colour.
func (p *Page) Line(format string, args ...any) {
	for i, a := range args {
		switch v := a.(type) {
		case string:
			args[i] = Clean(v)
		case styled:
			args[i] = v.render(p.color)
		case error:
			args[i] = Clean(v.Error())
		case fmt.Stringer:
			args[i] = Clean(v.String())
		}
	}
	p.write(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// Raw prints s as it is.
func (p *Page) Raw(s string) { p.write(s) }

func (p *Page) write(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// styled is text in a colour. It is cleaned when it is rendered.
type styled struct{ sgr, text string }

func (s styled) render(color bool) string {
	if !color || s.sgr == "" || s.text == "" {
		return Clean(s.text)
	}
	return "\x1b[" + s.sgr + "m" + Clean(s.text) + "\x1b[0m"
}

func bold(s string) styled   { return styled{"1", s} }
func dim(s string) styled    { return styled{"2", s} }
func red(s string) styled    { return styled{"31", s} }
func green(s string) styled  { return styled{"32", s} }
func yellow(s string) styled { return styled{"33", s} }
func cyan(s string) styled   { return styled{"36", s} }
func normal(s string) styled { return styled{"", s} }

// Table prints rows with their columns aligned, each row after indent spaces.
func (p *Page) table(indent int, rows [][]styled) {
	widths := widthsOf(rows)
	for _, row := range rows {
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", indent))
		for i, c := range row {
			b.WriteString(c.render(p.color))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-ansi.StringWidth(Clean(c.text))+2))
			}
		}
		p.write(strings.TrimRight(b.String(), " ") + "\n")
	}
}

// widthsOf are those of the columns of rows.
func widthsOf(rows [][]styled) []int {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(Clean(c.text)))
		}
	}
	return widths
}

// narrowest is what [Page.folded] leaves of a column at least.
const narrowest = 12

// folded is a table of prose: where the terminal is too narrow for it, the widest
// cells go on in further lines. Addresses and names do not belong into one, since
// they could not be copied.
func (p *Page) folded(rows [][]styled) {
	widths := widthsOf(rows)
	for over := p.over(widths); over > 0; over = p.over(widths) {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] <= narrowest {
			break
		}
		widths[widest]--
	}
	var lines [][]styled
	for _, row := range rows {
		lines = append(lines, wrapped(row, widths)...)
	}
	p.table(0, lines)
}

// over is by how many columns a table of columns of these widths is too wide.
func (p *Page) over(widths []int) int {
	if p.width == 0 {
		return 0
	}
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	return total - p.width
}

// wrapped is a row whose cells are no wider than their columns, as several.
func wrapped(row []styled, widths []int) [][]styled {
	var out [][]styled
	for i, c := range row {
		for n, text := range strings.Split(ansi.Wrap(Clean(c.text), widths[i], ""), "\n") {
			if n == len(out) {
				out = append(out, make([]styled, len(row)))
			}
			out[n][i] = styled{c.sgr, text}
		}
	}
	return out
}
