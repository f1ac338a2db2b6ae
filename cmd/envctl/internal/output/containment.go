package output

import (
	"fmt"

	"github.com/envctl/envctl/stacks"
)

// Containment is the result of doctor --containment.
type Containment struct {
	SchemaVersion int                 `json:"schemaVersion"`
	Command       string              `json:"command"`
	Result        string              `json:"result"` // contained or escaped
	Runs          []ContainmentReport `json:"runs"`
}

// ContainmentReport is the suite under one runtime of the engine.
type ContainmentReport struct {
	Isolation string           `json:"isolation"` // container, gvisor or vm
	Runtime   string           `json:"runtime"`
	Outside   string           `json:"outside"` // what stood for it, in words
	Seconds   float64          `json:"seconds"`
	Rows      []ContainmentRow `json:"rows"`
}

// ContainmentRow is one attempt to get out.
type ContainmentRow struct {
	Group       string `json:"group"`
	Name        string `json:"row"`
	Tries       string `json:"tries"`
	Outcome     string `json:"outcome"` // blocked, exposed, escaped or not-applicable
	Detail      string `json:"detail"`
	Counterpart string `json:"counterpart,omitempty"` // seen or not seen
	Fix         string `json:"fix,omitempty"`
}

// The values of Containment.Result.
const (
	Contained = "contained"
	Escaped   = "escaped"
)

// NewContainment wraps reports.
func NewContainment(runs []ContainmentReport) Containment {
	c := Containment{stacks.SchemaVersion, "doctor", Contained, runs}
	for _, r := range runs {
		if r.count(Escaped) > 0 {
			c.Result = Escaped
		}
	}
	return c
}

func (r ContainmentReport) count(outcome string) int {
	n := 0
	for _, row := range r.Rows {
		if row.Outcome == outcome {
			n++
		}
	}
	return n
}

// WriteText prints a line for each row, and the counts of each runtime.
func (c Containment) WriteText(p *Page) {
	for _, r := range c.Runs {
		p.Line("%s by %s; the outside is %s", bold(r.Isolation), r.Runtime, r.Outside)
		group := ""
		for _, row := range r.Rows {
			if row.Group != group {
				group = row.Group
				p.Line("  %s", dim(group))
			}
			detail := row.Detail
			if row.Counterpart == "not seen" {
				detail += " (an unsandboxed container was not noticed either, so this proves less)"
			}
			p.Line("    %s %s: %s", outcomeMark(row.Outcome), row.Name, detail)
			if row.Fix != "" {
				p.Line("        %s %s", cyan("try:"), row.Fix)
			}
		}
		text := fmt.Sprintf("%d of %d attempts blocked", r.count("blocked"), len(r.Rows))
		for _, outcome := range []string{Escaped, "exposed", "not-applicable"} {
			if n := r.count(outcome); n > 0 {
				text += fmt.Sprintf(", %d %s", n, outcome)
			}
		}
		p.Line("  %s", text)
	}
}

func outcomeMark(outcome string) styled {
	switch outcome {
	case "blocked":
		return green("✓")
	case "exposed":
		return yellow("!")
	case Escaped:
		return red("✗")
	}
	return dim("-")
}

// Isolated is the result of doctor --fix isolation.
type Isolated struct {
	SchemaVersion int      `json:"schemaVersion"`
	Command       string   `json:"command"`
	Result        string   `json:"result"` // registered or unchanged
	Runtime       string   `json:"runtime"`
	Program       string   `json:"program,omitempty"`
	Config        string   `json:"config,omitempty"`
	Kernel        string   `json:"kernel"` // what a container under it says of its kernel
	Undo          []string `json:"undo,omitempty"`
}

// NewIsolated completes a result.
func NewIsolated(i Isolated) Isolated {
	i.SchemaVersion, i.Command = stacks.SchemaVersion, "doctor"
	return i
}

// WriteText says what was done, what proves it and how to undo it.
func (i Isolated) WriteText(p *Page) {
	if i.Result == "unchanged" {
		p.Line("%s gVisor is registered as %s already", green("✓"), i.Runtime)
	} else {
		p.Line("%s gVisor is registered as %s: %s in %s", green("✓"), i.Runtime, i.Program, i.Config)
	}
	p.Line("%s a hardened container runs on it: %s", green("✓"), i.Kernel)
	for at, step := range i.Undo {
		if at == 0 {
			p.Line("to undo it:")
		}
		p.Line("  %s", step)
	}
}
