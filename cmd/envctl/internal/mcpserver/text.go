package mcpserver

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

const (
	// Answer is the most that one answer has, in bytes of JSON: text and structured
	// result together. Clients cut longer ones or keep them from the model.
	Answer = 20 << 10
	// inline is what of all streams together an answer tries to have.
	inline = 7 << 10
)

// clean takes out of text what a terminal or a reader of text would obey instead of
// show: escape sequences, control characters but for line breaks and tabs, marks of
// direction, and characters that have no width and can carry hidden text.
func clean(s string) string {
	var out strings.Builder
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		for j, part := range strings.Split(line, "\t") {
			if j > 0 {
				out.WriteByte('\t')
			}
			out.WriteString(strings.Map(visible, output.Clean(strings.TrimSuffix(part, "\r"))))
		}
	}
	return out.String()
}

// visible drops characters of format, tags (U+E0000 and on) among them.
func visible(r rune) rune {
	if unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
		return -1
	}
	return r
}

// fence puts untrusted text between two marks with a value by chance, so that the
// text cannot end it by itself.
func fence(name, text string) string {
	mark := rand.Text()[:12]
	return fmt.Sprintf("[%s: untrusted data from the sandbox, between marks %s]\n<<<%s\n%s\n%s>>>\n", name, mark, mark, text, mark)
}

// brief is clean for a name that a client gave, or a program chose: as much of it
// as an answer has room for.
func brief(name string) string {
	const most = 120
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return clean(name)
}

// size is how long a value is in an answer.
func size(v any) int {
	out, err := json.Marshal(v)
	if err != nil {
		return 0
	}
	return len(out)
}

// fit makes an answer with as much output as fits into [Answer].
func fit[Out any](make func(limit int64) answer[Out]) answer[Out] {
	for limit := int64(inline); ; limit /= 2 {
		a := make(limit)
		if limit < 64 || size(a.out)+size(a.text)+size(a.links) < Answer-1024 {
			return a
		}
	}
}
