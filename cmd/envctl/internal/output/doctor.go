package output

import "github.com/envctl/envctl/stacks"

// Checkup is the result of doctor.
type Checkup struct {
	SchemaVersion int       `json:"schemaVersion"`
	Command       string    `json:"command"`
	Result        string    `json:"result"` // the worst state of all findings
	Findings      []Finding `json:"checks"`
}

// Finding is what one check found.
type Finding struct {
	Group  string `json:"group"` // e.g. docker
	Name   string `json:"name"`
	State  string `json:"state"`
	Detail string `json:"detail"`         // what was seen
	Fix    string `json:"fix,omitempty"`  // what mends it, where State is not ok
	Path   string `json:"path,omitempty"` // of the definition, where it comes from there
}

// The states of a Finding. Only a failed one keeps envctl from working.
const (
	FindingOK      = "ok"
	FindingWarning = "warning"
	FindingFailed  = "failed"
	FindingSkipped = "skipped"
)

// NewCheckup wraps findings, which are grouped in the order of first appearance.
func NewCheckup(findings []Finding) Checkup {
	worst := FindingOK
	for _, f := range findings {
		if f.State == FindingFailed || f.State == FindingWarning && worst == FindingOK {
			worst = f.State
		}
	}
	if findings == nil {
		findings = []Finding{}
	}
	return Checkup{stacks.SchemaVersion, "doctor", worst, findings}
}

// WriteText prints a tick or cross a line, with the fix below.
func (c Checkup) WriteText(p *Page) {
	var groups []string
	members := map[string][]Finding{}
	for _, f := range c.Findings {
		if members[f.Group] == nil {
			groups = append(groups, f.Group)
		}
		members[f.Group] = append(members[f.Group], f)
	}
	for _, g := range groups {
		p.Line("%s", bold(g))
		for _, f := range members[g] {
			p.Line("  %s %s: %s", findingMark(f.State), f.Name, f.Detail)
			if f.Fix != "" {
				p.Line("      %s %s", cyan("try:"), f.Fix)
			}
		}
	}
}

func findingMark(state string) styled {
	switch state {
	case FindingOK:
		return green("✓")
	case FindingWarning:
		return yellow("!")
	case FindingFailed:
		return red("✗")
	}
	return dim("-")
}
