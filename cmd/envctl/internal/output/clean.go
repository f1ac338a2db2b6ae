package output

import (
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Clean makes s fit to be shown on one line of a terminal: escape sequences are
// cut out, and so are control characters and those that turn the direction of
// writing. A line break or tab becomes a space; bytes that are not UTF-8 become
// U+FFFD.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	s = strings.ToValidUTF8(ansi.Strip(strings.ToValidUTF8(s, "\uFFFD")), "\uFFFD")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < 0x20 || r >= 0x7f && r < 0xa0: // C0, DEL, C1
			return -1
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // direction
			return -1
		}
		return r
	}, s)
}

// plain says that s is printable ASCII, as nearly every text is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// CleanLines is Clean for each line of s; line breaks stay. A carriage return
// within a line starts it anew, as it does on a terminal.
func CleanLines(s string) []string {
	lines := strings.Split(strings.TrimRight(s, "\r\n"), "\n")
	for i, l := range lines {
		l = strings.TrimRight(l, "\r")
		if cr := strings.LastIndexByte(l, '\r'); cr >= 0 {
			l = l[cr+1:]
		}
		lines[i] = Clean(strings.ReplaceAll(l, "\t", "    "))
	}
	return lines
}

// cut shortens s to at most width columns, the last of them an ellipsis.
func cut(s string, width int) string {
	if width <= 0 {
		return ""
	}
	if utf8.RuneCountInString(s) <= width && plain(s) {
		return s
	}
	return ansi.Truncate(s, width, "…")
}
