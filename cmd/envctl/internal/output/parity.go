package output

import "github.com/envctl/envctl/stacks"

// Parity is the result of parity.
type Parity struct {
	SchemaVersion int         `json:"schemaVersion"`
	Command       string      `json:"command"`
	Experiment    string      `json:"experiment"`
	Components    []ParityRow `json:"components"`
	Differences   int         `json:"differences"`
}

// ParityRow is one component on both targets.
type ParityRow struct {
	Component   string   `json:"component"`
	Local       string   `json:"local"`
	Azure       string   `json:"azure"`
	Differences []string `json:"differences"`
}

// NewParity wraps the rows of an experiment.
func NewParity(experiment string, rows []ParityRow) Parity {
	out := Parity{stacks.SchemaVersion, "parity", experiment, rows, 0}
	for _, r := range rows {
		out.Differences += len(r.Differences)
	}
	return out
}

// WriteText prints a table, and below it the differences.
func (d Parity) WriteText(p *Page) {
	rows := [][]styled{{dim("COMPONENT"), dim("LOCAL"), dim("AZURE"), dim("DIFFERENCES")}}
	for _, r := range d.Components {
		differences := green("none")
		if n := len(r.Differences); n > 0 {
			differences = yellow(count(n, "difference"))
		}
		rows = append(rows, []styled{normal(r.Component), normal(r.Local), normal(r.Azure), differences})
	}
	p.folded(rows)
	if d.Differences == 0 {
		p.Line("%s is the same on both targets", bold(d.Experiment))
		return
	}
	p.Line("%s:", yellow(count(d.Differences, "difference")))
	for _, r := range d.Components {
		for _, text := range r.Differences {
			p.Line("  %s: %s", r.Component, text)
		}
	}
}
