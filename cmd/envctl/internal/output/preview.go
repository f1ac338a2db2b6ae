package output

import (
	"fmt"
	"strings"

	"github.com/envctl/envctl/stacks"
)

// valueColumns is how much of a property's value a preview shows without --verbose.
const valueColumns = 100

// writePreview prints a line for each resource that would change, its properties
// below it, and the counts.
func (o Operation) writePreview(p *Page) {
	for _, s := range o.Steps {
		sign := signOf(s.Op)
		if s.Op == "same" && !p.verbose {
			continue
		}
		p.Line("%s %s", sign, label(stacks.KindOf(s.Type), s.Name, ""))
		for _, d := range s.Diffs {
			writeDiff(p, d)
		}
	}
	if o.Changes == nil {
		return
	}
	if !o.Changes.Any() {
		p.Line("%s%s: no changes, %d unchanged", bold(name(o.Ref)), o.mark(), o.Changes.Same)
		return
	}
	p.Line("%s%s: %s", bold(name(o.Ref)), o.mark(), summary(*o.Changes, futureWords))
}

// mark says that a simulator answered.
func (o Operation) mark() string {
	if o.Simulated {
		return " on " + place(o.Target, true)
	}
	return ""
}

func writeDiff(p *Page, d stacks.PropertyChange) {
	value := func(v any) string {
		b, err := marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		if p.verbose {
			return string(b)
		}
		return cut(Clean(string(b)), valueColumns)
	}
	replaces := normal("")
	if d.Replace {
		replaces = yellow(" (replaces)")
	}
	switch {
	case d.Old == nil:
		p.Line("    %s %s: %s%s", green("+"), d.Path, value(d.New), replaces)
	case d.New == nil:
		p.Line("    %s %s: %s%s", red("-"), d.Path, value(d.Old), replaces)
	default:
		p.Line("    %s %s: %s → %s%s", yellow("~"), d.Path, value(d.Old), value(d.New), replaces)
	}
}

// signOf is the sign of an operation: + create, ~ update, ± replace, - delete.
func signOf(op string) styled {
	switch op {
	case "create":
		return green("+")
	case "update":
		return yellow("~")
	case "replace":
		return yellow("±")
	case "delete":
		return red("-")
	}
	return dim("=")
}

// pastWords and futureWords follow the counts of changes: create, update, replace,
// delete, same.
var (
	pastWords   = [5]string{"created", "updated", "replaced", "deleted", "unchanged"}
	futureWords = [5]string{"to create", "to update", "to replace", "to delete", "unchanged"}
)

// summary prints the counts that are not zero.
func summary(c stacks.Changes, words [5]string) string {
	var parts []string
	for i, n := range [5]int{c.Create, c.Update, c.Replace, c.Delete, c.Same} {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[i]))
		}
	}
	return strings.Join(parts, ", ")
}
