package docs

import (
	"regexp"
	"strings"
	"testing"
)

// block is one fenced block of a page.
type block struct {
	info string // what follows the fence: console, text, yaml, …
	line int    // of the fence, from 1
	text string
}

// fences reads the fenced blocks of a page.
func fences(t *testing.T, page string) []block {
	t.Helper()
	var out []block
	var open *block
	for i, line := range strings.Split(read(t, page), "\n") {
		info, fence := strings.CutPrefix(strings.TrimLeft(line, " "), "```")
		switch {
		case open == nil && fence:
			open = &block{info: strings.TrimSpace(info), line: i + 1}
		case open != nil && fence:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block is not closed", page, open.line)
	}
	return out
}

// command is one command of a console block, with what it prints.
type command struct {
	line int
	text string
	want string
}

// commands reads a console block: "$ " begins a command, "> " goes on with it, and
// what follows is its output.
func (b block) commands(t *testing.T, page string) []command {
	t.Helper()
	var out []command
	for i, line := range strings.Split(strings.TrimSuffix(b.text, "\n"), "\n") {
		line := strings.TrimRight(line, " ")
		if text, ok := strings.CutPrefix(line, "$ "); ok {
			out = append(out, command{line: b.line + i + 1, text: text + "\n"})
			continue
		}
		if len(out) == 0 {
			t.Fatalf("%s:%d: a console block begins with a command: %q", page, b.line+i+1, line)
		}
		last := &out[len(out)-1]
		if more, ok := strings.CutPrefix(line, ">"); ok && last.want == "" {
			last.text += strings.TrimPrefix(more, " ") + "\n"
			continue
		}
		last.want += line + "\n"
	}
	return out
}

// volatile is what differs from run to run: both sides get the same stand-in.
var volatile = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`sha256:[0-9a-f]{12,64}`), "sha256:HEX"},
	{regexp.MustCompile(`--[0-9a-f]{7}\b`), "--HASH"},
	{regexp.MustCompile(`\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| UTC)?`), "TIME"},
	{regexp.MustCompile(`"seconds": ?[\d.]+`), `"seconds": N`},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|[smhd])(\d+[smh])*\b`), "SPAN"},
	{regexp.MustCompile(`(\S)  +`), "$1  "}, // columns are as wide as what is in them
}

func stable(text string) string {
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.instead)
	}
	return text
}

// matches says whether got is what a page says: a line "…" stands for any lines,
// and … in a line for anything.
func matches(want, got string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for line := range strings.Lines(stable(want)) {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		parts := strings.Split(strings.TrimRight(line, " \n"), "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern.WriteString(strings.Join(parts, `[^\n]*?`) + ` *\n`)
	}
	pattern.WriteString(`\z`)
	return regexp.MustCompile(pattern.String()).MatchString(stable(got))
}

// What a page must not pass for: the comparison itself has to be able to fail.
func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, got string
		ok        bool
	}{
		{"", "", true},
		{"", "x\n", false},
		{"a in 3.1s\n", "a in 12s\n", true},
		{"a in 3.1s\n", "b in 3.1s\n", false},
		{"  api  http://127.0.0.1:1\n", "  api      http://127.0.0.1:33033  \n", true},
		{"…\nlast\n", "one\ntwo\nlast\n", true},
		{"…\nlast\n", "last\nmore\n", false},
		{"a … c\n", "a b c\n", true},
		{"a … c\n", "a b\nc\n", false},
		{"one\n", "one\ntwo\n", false},
		{"sha256:0123456789ab\n", "sha256:ba9876543210\n", true},
		{"left 7h59m\n", "left 8h\n", true},
	} {
		if matches(c.want, c.got) != c.ok {
			t.Errorf("%q, %q: want %v", c.want, c.got, c.ok)
		}
	}
}
