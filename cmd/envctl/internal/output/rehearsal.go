package output

import "github.com/envctl/envctl/stacks"

// Rehearsal is the result of rehearse.
type Rehearsal struct {
	SchemaVersion int             `json:"schemaVersion"`
	Command       string          `json:"command"`
	Experiment    string          `json:"experiment"`
	Simulated     bool            `json:"simulated"` // always
	Result        string          `json:"result"`    // ok or failed
	Steps         []RehearsalStep `json:"steps"`
}

// RehearsalStep is one command of a rehearsal.
type RehearsalStep struct {
	Name    string  `json:"name"`
	Command string  `json:"command"`
	State   string  `json:"state"` // ok, failed or skipped
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail,omitempty"`
}

// NewRehearsal wraps steps.
func NewRehearsal(experiment string, steps []RehearsalStep) Rehearsal {
	out := Rehearsal{stacks.SchemaVersion, "rehearse", experiment, true, FindingOK, steps}
	for _, s := range steps {
		if s.State == FindingFailed {
			out.Result = FindingFailed
		}
	}
	return out
}

// WriteText prints a line a step.
func (d Rehearsal) WriteText(p *Page) {
	rows := [][]styled{{dim("STEP"), dim("STATE"), dim("TIME"), dim("COMMAND"), dim("DETAIL")}}
	for _, s := range d.Steps {
		state := green(s.State)
		switch s.State {
		case FindingFailed:
			state = red(s.State)
		case FindingSkipped:
			state = dim(s.State)
		}
		rows = append(rows, []styled{normal(s.Name), state, normal(seconds(s.Seconds)), normal(s.Command), normal(s.Detail)})
	}
	p.table(0, rows)
	p.Line("%s rehearsed on azure (simulated): %s", bold(d.Experiment), d.Result)
}
