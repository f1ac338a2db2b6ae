package definition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong in a file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // from 1; 0: the file as a whole
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"` // as apps.api.ingress.port; empty: the document
	Message string `json:"message"`        // what is wrong, with the value quoted, and what was expected
	Hint    string `json:"hint,omitempty"` // how to mend it; may be empty
}

// String is the problem on one line: file:line:column: path: message; hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems are all problems of one file, sorted by position. It is the error
// that [Read] returns for a definition that is wrong.
type Problems []Problem

// Error is one line a problem, without a newline at the end.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// sort orders problems by position, then path and message, and drops repeats,
// which an alias that is used twice produces.
func (p Problems) sort() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			strings.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(p)
}
