package output

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
)

// A table of prose is as wide as the terminal at most, and loses no word.
func TestFoldedTables(t *testing.T) {
	t.Parallel()
	rows := [][]styled{
		{dim("COMPONENT"), dim("LOCAL"), dim("AZURE"), dim("DIFFERENCES")},
		{normal("registry"), normal("OCI registry on 127.0.0.1"), normal("Container Registry, admin user off"), yellow("1 difference")},
		{normal("environment"), normal("network of its own without a way out"), normal("Container Apps environment in a virtual network"), green("none")},
	}
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for width, want := range map[int]int{0: 3, 200: 3, 100: 4, 80: 5, 60: 7} {
		var b strings.Builder
		(&Page{w: &b, width: width}).folded(rows)
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != want {
			t.Errorf("%d columns: %d lines, want %d:\n%s", width, len(lines), want, b.String())
		}
		for _, line := range lines {
			if width > 0 && ansi.StringWidth(line) > width {
				t.Errorf("%d columns: %q has %d", width, line, ansi.StringWidth(line))
			}
		}
		for _, row := range rows {
			for _, cell := range row {
				for _, word := range strings.Fields(cell.text) {
					if !strings.Contains(words(b.String()), word) {
						t.Errorf("%d columns: %q is lost:\n%s", width, word, b.String())
					}
				}
			}
		}
	}
	var b strings.Builder
	(&Page{w: &b, width: 44}).folded([][]styled{{normal("a"), normal("one two three four five six seven"), normal("eight nine ten")}, {normal("b"), normal("c"), normal("d")}})
	want := "a  one two three four five  eight nine ten\n   six seven\nb  c                        d\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
