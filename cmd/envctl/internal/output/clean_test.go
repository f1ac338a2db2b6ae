package output

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":              "plain",
		"\x1b[31mred\x1b[0m": "red",
		"a\x1b]0;title\x07b": "ab",
		"a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\": "alink",
		"a\x1bPq\x1b\\b":             "ab",
		"clear\x1b[2J\x1b[Hhome":     "clearhome",
		"bell\x07 back\x08 null\x00": "bell back null",
		"tab\tline\nreturn\r":        "tab line return",
		"c1\u009b31m\u0085":          "c131m",
		"bidi\u202eevil\u2066\u2069": "bidievil",
		"日本語 ünïcode 🚀":              "日本語 ünïcode 🚀",
		"bad\xff\xfe":                "bad\uFFFD",
		"\x1b":                       "",
		"unfinished\x1b[31":          "unfinished",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanLines(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\nb\n": "a|b", "a\r\nb\r\n": "a|b", "10%\r50%\r100%\n": "100%", "a\tb": "a    b", "": "", "\n": "", "a\n\nb": "a||b",
	} {
		if got := strings.Join(CleanLines(in), "|"); got != want {
			t.Errorf("CleanLines(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever comes from outside, nothing that a terminal acts on may be left.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[31mred", "\x9b2J", "\u009b2J", "\x1b]0;t\x07", "\xff", "\u202e", "a\r\nb", "\x1b\x1b[", "é\xcc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Errorf("Clean(%q) = %q is not UTF-8", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || r >= 0x202a && r <= 0x202e {
				t.Errorf("Clean(%q) = %q has %q", s, got, r)
			}
		}
		if ansi.StringWidth(cut(got, 10)) > 10 {
			t.Errorf("cut(%q) is wider than 10", got)
		}
	})
}

// Lines must be the same in whatever pieces they come.
func TestCleanWriter(t *testing.T) {
	t.Parallel()
	const in = "one\x1b[31m red\x1b[0m\ntwo\r\n\nlast \x1b]0;x\x07without end"
	const want = "one red\ntwo\n\nlast without end"
	for size := 1; size <= len(in); size++ {
		var b bytes.Buffer
		w := NewCleanWriter(&b)
		for rest := in; rest != ""; {
			n := min(size, len(rest))
			if got, err := w.Write([]byte(rest[:n])); got != n || err != nil {
				t.Fatal(got, err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil || b.String() != want {
			t.Errorf("in pieces of %d: %q, %v", size, b.String(), err)
		}
	}
	w := NewCleanWriter(&brokenPipe{2})
	if _, err := w.Write([]byte("abc\n")); err == nil {
		t.Error("an error of writing was lost")
	}
	long := NewCleanWriter(&brokenPipe{longestLine * 4})
	for range 3 * longestLine / 1024 {
		if _, err := long.Write(bytes.Repeat([]byte("x"), 1024)); err != nil {
			t.Fatal(err)
		}
	}
	if len(long.rest) > longestLine {
		t.Errorf("keeps %d bytes of a line that does not end", len(long.rest))
	}
}
