package output

import (
	"fmt"
	"slices"

	"github.com/envctl/envctl/stacks"
)

// List is the result of list.
type List struct {
	SchemaVersion int              `json:"schemaVersion"`
	Experiments   []stacks.Summary `json:"experiments"`
}

// NewList wraps experiments, which are printed in the order given.
func NewList(experiments []stacks.Summary) List {
	if experiments == nil {
		experiments = []stacks.Summary{}
	}
	return List{stacks.SchemaVersion, experiments}
}

// warnings are why states are unknown, each once.
func (l List) warnings() []string {
	var out []string
	for _, e := range l.Experiments {
		if text := "what is on " + place(e.Target, e.Simulated) + " is unknown: " + Clean(e.Reason); e.Reason != "" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// WriteText prints a table with age and time left.
func (l List) WriteText(p *Page) {
	if len(l.Experiments) == 0 {
		p.Line("no experiments")
		return
	}
	rows := [][]styled{{dim("EXPERIMENT"), dim("INSTANCE"), dim("TARGET"), dim("STATE"), dim("APPS"), dim("AGE"), dim("LEFT"), dim("SPEND")}}
	for _, e := range l.Experiments {
		age, remains := normal("-"), normal("-")
		if !e.Created.IsZero() {
			age = normal(span(max(0, p.now.Sub(e.Created))))
		}
		switch {
		case e.Expires.IsZero():
		case e.Expires.After(p.now):
			remains = normal(span(e.Expires.Sub(p.now)))
		default:
			remains = red("expired")
		}
		rows = append(rows, []styled{normal(e.Experiment), normal(e.Instance), normal(place(e.Target, e.Simulated)), stateColor(e.State),
			normal(fmt.Sprint(e.Apps)), age, remains, normal(fmt.Sprintf("%.2f", e.Spend))})
	}
	p.table(0, rows)
}
