package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// generated holds that the part of a page between the marks of name is text, or
// with -update writes it there.
func generated(t *testing.T, page, name, text string) {
	t.Helper()
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->\n"
	before := read(t, page)
	head, rest, opened := strings.Cut(before, begin)
	old, tail, closed := strings.Cut(rest, end)
	if !opened || !closed {
		t.Fatalf("%s has no lines %q and %q", page, begin, end)
	}
	switch {
	case old == text:
	case *update:
		if err := os.WriteFile(filepath.Join(root, page), []byte(head+begin+text+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: the part %q is not what the code says; `go generate ./docs` writes it anew\n%s", page, name, difference(old, text))
	}
}

// difference shows the lines that only one of two texts has.
func difference(old, text string) string {
	var b strings.Builder
	only := func(sign, a, other string) {
		for line := range strings.Lines(a) {
			if !strings.Contains(other, line) {
				b.WriteString(sign + line)
			}
		}
	}
	only("- ", old, text)
	only("+ ", text, old)
	return b.String()
}

// row writes one row of a Markdown table.
func row(b *strings.Builder, cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(strings.TrimSpace(c), "|", `\|`)
	}
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// table reads the rows of the first table of a page whose heading row begins with
// the cell first: the text of each cell.
func table(t *testing.T, page, first string) [][]string {
	t.Helper()
	_, rest, found := strings.Cut(read(t, page), "\n| "+first+" |")
	if !found {
		t.Fatalf("%s has no table that begins with | %s |", page, first)
	}
	var out [][]string
	for i, line := range strings.Split(rest, "\n") {
		if i < 2 {
			continue // the rest of the heading, and the line below it
		}
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for _, c := range strings.Split(strings.Trim(line, "|"), " |") {
			cells = append(cells, strings.TrimSpace(c))
		}
		out = append(out, cells)
	}
	return out
}
