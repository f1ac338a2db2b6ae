package output

import (
	"fmt"
	"strings"
)

// String returns FILE:LINE:COLUMN: PATH: MESSAGE; HINT on one line, which editors
// and CI systems know how to read. Parts that are not known are left out.
func (q Problem) String() string {
	var b strings.Builder
	switch {
	case q.File != "" && q.Line > 0:
		fmt.Fprintf(&b, "%s:%d:%d: ", q.File, q.Line, q.Column)
	case q.File != "":
		b.WriteString(q.File + ": ")
	case q.Line > 0:
		fmt.Fprintf(&b, "%d:%d: ", q.Line, q.Column)
	}
	if q.Path != "" {
		b.WriteString(q.Path + ": ")
	}
	if q.Rule != "" {
		b.WriteString("[" + q.Rule + "] ")
	}
	b.WriteString(q.Message)
	if q.Hint != "" {
		b.WriteString("; " + q.Hint)
	}
	return b.String()
}
