// Package policies judges definitions and plans by rules. A rule is a pure
// function: it reads nothing but its [Input], so the same input has the same
// findings everywhere.
//
// A definition lifts a rule for itself by `waive: {RULE: reason}`. What was
// waived stays visible as information, with the reason.
package policies

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

// Severity says what becomes of a finding.
type Severity string

// The severities, gravest first.
const (
	Deny    Severity = "deny"    // the operation is refused
	Warning Severity = "warning" // it goes on, and says so
	Info    Severity = "info"    // worth knowing
)

// Input is what rules judge.
type Input struct {
	Definition *definition.Definition
	// Plan is nil before images are resolved.
	Plan *plan.Plan
	// Pin returns what an image reference is pinned to; nil: not known, and then
	// no rule judges pins.
	Pin func(reference string) (string, bool)
}

// Rule is one policy.
type Rule struct {
	ID       string // as in `waive`
	Title    string // what it demands, in one line
	Severity Severity
	// Check returns what is against the rule: Path, Message and Hint; the rest of
	// a finding is filled in by [Evaluate].
	Check func(Input) []Finding
}

// Finding is one place that is against a rule.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`         // Info where it is waived
	Path     string   `json:"path"`             // e.g. apps.api.user
	Message  string   `json:"message"`          // what is wrong, and why it matters
	Hint     string   `json:"hint"`             // how to mend it
	Waived   string   `json:"waived,omitempty"` // the reason, where the definition waives the rule
}

// String returns the finding in one line.
func (f Finding) String() string {
	if f.Waived != "" {
		return fmt.Sprintf("%s: %s (%s is waived: %s)", f.Path, f.Message, f.Rule, f.Waived)
	}
	return fmt.Sprintf("%s: %s: %s (%s)", f.Path, f.Message, f.Hint, f.Rule)
}

// Evaluate judges by the rules of envctl. Findings are sorted: gravest first,
// then by path and rule.
func Evaluate(in Input) []Finding { return EvaluateRules(Rules(), in) }

// EvaluateRules judges by the given rules, and by what holds for waivers
// themselves: they name a rule, and say why.
func EvaluateRules(rules []Rule, in Input) []Finding {
	var findings []Finding
	excused := map[string]bool{}
	for _, rule := range rules {
		for _, f := range rule.Check(in) {
			f.Rule, f.Severity = rule.ID, rule.Severity
			if reason := strings.TrimSpace(in.Definition.Waive[rule.ID]); reason != "" {
				excused[rule.ID] = true
				f.Severity, f.Waived = Info, reason
			}
			findings = append(findings, f)
		}
	}
	findings = append(findings, checkWaivers(rules, in.Definition.Waive, excused)...)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule))
	})
	return findings
}

func rank(s Severity) int { return slices.Index([]Severity{Deny, Warning, Info}, s) }

// checkWaivers finds waivers that do nothing: a typing error in one must not
// look like a rule that is met.
func checkWaivers(rules []Rule, waive map[string]string, excused map[string]bool) []Finding {
	known := map[string]Rule{}
	for _, r := range rules {
		known[r.ID] = r
	}
	ids := slices.Sorted(maps.Keys(known))
	var findings []Finding
	for _, id := range slices.Sorted(maps.Keys(waive)) {
		f := Finding{Rule: "waivers", Path: "waive." + id}
		rule, ok := known[id]
		switch {
		case !ok:
			f.Severity, f.Message = Deny, fmt.Sprintf("there is no rule %q to waive", id)
			f.Hint = "name one of " + strings.Join(ids, ", ")
		case strings.TrimSpace(waive[id]) == "":
			f.Severity, f.Message = Deny, fmt.Sprintf("the waiver of %q gives no reason", id)
			f.Hint = "say in words why this definition may do without: " + rule.Title
		case !excused[id]:
			f.Severity, f.Message = Info, fmt.Sprintf("nothing here is against the rule %q any more", id)
			f.Hint = "remove the waiver"
		default:
			continue
		}
		findings = append(findings, f)
	}
	return findings
}

// Denied returns nil where no finding is a denial, else a [*DeniedError] with
// those that are.
func Denied(findings []Finding) error {
	denied := slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Severity != Deny })
	if len(denied) == 0 {
		return nil
	}
	return &DeniedError{Findings: denied}
}

// DeniedError is a refusal by policy.
type DeniedError struct{ Findings []Finding } // at least one, all of them Deny

func (e *DeniedError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return "refused by policy: " + strings.Join(lines, "\n")
}

// Code names the error in JSON.
func (*DeniedError) Code() string { return "policy" }

// Path is the place of the first finding in the definition.
func (e *DeniedError) Path() string { return e.Findings[0].Path }

// Hint says how to mend the first finding.
func (e *DeniedError) Hint() string {
	f := e.Findings[0]
	if f.Rule == "waivers" {
		return f.Hint
	}
	return fmt.Sprintf("%s, or waive the rule with a reason: waive: {%s: …}", f.Hint, f.Rule)
}

// ExitStatus is that of a refusal by policy or budget.
func (*DeniedError) ExitStatus() int { return 3 }
