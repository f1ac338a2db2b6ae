package output

import (
	"time"

	"github.com/envctl/envctl/stacks"
)

// The values of Leftover.Reason.
const (
	NoState   = "no state"
	Expired   = "expired"
	OwnerGone = "owner gone"
)

// EveryTarget is the target of a gc that was told none.
const EveryTarget = "every target"

// Leftover is something that nobody needs any more.
type Leftover struct {
	// Kind is experiment; job, run, box, network or volume; or on Azure resource
	// group, soft-deleted account or role.
	Kind       string    `json:"kind"`
	Name       string    `json:"name"`
	Experiment string    `json:"experiment,omitempty"`
	Instance   string    `json:"instance,omitempty"`
	Location   string    `json:"location,omitempty"`
	Owner      string    `json:"owner,omitempty"`
	Reason     string    `json:"reason"`
	Expires    time.Time `json:"expires,omitzero"`
	AgeSeconds float64   `json:"ageSeconds,omitempty"` // 0: not known
	Removed    bool      `json:"removed"`
	Left       string    `json:"left,omitempty"`  // why it was left though it is due: somebody works on it
	Error      string    `json:"error,omitempty"` // why it could not be removed
}

// Garbage is the result of gc.
type Garbage struct {
	SchemaVersion int        `json:"schemaVersion"`
	Command       string     `json:"command"`
	Target        string     `json:"target"`
	Simulated     bool       `json:"simulated,omitempty"`
	DryRun        bool       `json:"dryRun"`
	Found         []Leftover `json:"found"`
	// Unsure says that not all could be seen, so nothing found means nothing.
	Unsure bool `json:"-"`
}

// NewGarbage is the result of a gc that found nothing yet.
func NewGarbage(target string, simulated, dryRun bool, found []Leftover) Garbage {
	if found == nil {
		found = []Leftover{}
	}
	return Garbage{SchemaVersion: stacks.SchemaVersion, Command: "gc", Target: target, Simulated: simulated, DryRun: dryRun, Found: found}
}

// WriteText prints a line each.
func (g Garbage) WriteText(p *Page) {
	if len(g.Found) == 0 {
		switch {
		case g.Unsure:
		case g.Target == EveryTarget:
			p.Line("nothing to remove")
		default:
			p.Line("nothing to remove on %s", place(g.Target, g.Simulated))
		}
		return
	}
	rows := [][]styled{{dim("KIND"), dim("NAME"), dim("OF"), dim("AGE"), dim("WHY"), dim("OWNER"), dim("STATE")}}
	for _, l := range g.Found {
		age, of, owner, state := "-", "-", "-", yellow("there")
		if l.AgeSeconds > 0 {
			age = span(time.Duration(l.AgeSeconds * float64(time.Second)))
		}
		if l.Experiment != "" {
			of = name(stacks.Ref{Experiment: l.Experiment, Instance: l.Instance})
		}
		if l.Owner != "" {
			owner = l.Owner
		}
		switch {
		case l.Removed:
			state = green("removed")
		case l.Left != "":
			state = yellow("left: " + l.Left)
		case l.Error != "":
			state = red("failed: " + l.Error)
		}
		rows = append(rows, []styled{normal(l.Kind), normal(l.Name), normal(of), normal(age), normal(l.Reason), normal(owner), state})
	}
	p.table(0, rows)
	if g.DryRun {
		p.Line("%s, nothing was removed: `envctl gc` without --dry-run removes it", count(len(g.Found), "leftover"))
	}
}

// place is a target, with the mark of the simulator.
func place(target string, simulated bool) string {
	if simulated {
		return target + " (simulated)"
	}
	return target
}
