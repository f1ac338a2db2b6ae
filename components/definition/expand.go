package definition

import (
	"fmt"
	"strings"
)

// expand replaces ${NAME} and ${NAME:-default} from the caller's environment
// and $$ by $. The default is taken where the variable is unset or empty. It
// reports what it cannot replace and is false then.
func (d *decoder) expand(n *node, s, path string) (string, bool) {
	if !strings.Contains(s, "$") {
		return s, true
	}
	if compiledRules()["template"].refuse(s) != "" {
		d.problem(n.at, path, fmt.Sprintf("%q has a $ that is none of ${NAME}, ${NAME:-default} and $$", shorten(s)), "write $$ for a dollar sign")
		return "", false
	}
	var out strings.Builder
	ok := true
	for s != "" {
		before, rest, found := strings.Cut(s, "$")
		out.WriteString(before)
		if !found {
			break
		}
		if after, dollar := strings.CutPrefix(rest, "$"); dollar {
			out.WriteByte('$')
			s = after
			continue
		}
		inside, after, _ := strings.Cut(rest[1:], "}")
		value, known := d.variable(inside)
		if !known {
			d.problem(n.at, path, fmt.Sprintf("the environment variable %q is not set", inside), fmt.Sprintf("set it or give a default: ${%s:-…}", inside))
			ok = false
		}
		out.WriteString(value)
		s = after
	}
	replaced := out.String()
	if strings.ContainsRune(replaced, 0) {
		d.problem(n.at, path, "the environment gives a NUL character", "")
		return "", false
	}
	return replaced, ok
}

// variable is the value of what stands between ${ and }.
func (d *decoder) variable(inside string) (string, bool) {
	name, fallback, hasFallback := strings.Cut(inside, ":-")
	value, set := "", false
	if d.lookup != nil {
		value, set = d.lookup(name)
	}
	if hasFallback && value == "" {
		return fallback, true
	}
	return value, set
}

// escape makes a text that expand turns back into s.
func escape(s string) string { return strings.ReplaceAll(s, "$", "$$") }
