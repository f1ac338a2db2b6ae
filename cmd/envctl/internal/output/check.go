package output

import (
	"strings"

	"github.com/envctl/envctl/stacks"
)

// Check is the result of check.
type Check struct {
	SchemaVersion int       `json:"schemaVersion"`
	Command       string    `json:"command"`
	Result        string    `json:"result"` // ok, invalid or refused
	File          string    `json:"file"`
	Kind          string    `json:"kind,omitempty"`
	Experiment    string    `json:"experiment,omitempty"`
	Target        string    `json:"target"`
	Apps          int       `json:"apps"`
	Jobs          int       `json:"jobs"`
	Models        int       `json:"models"`
	Secrets       int       `json:"secrets"`
	Problems      []Problem `json:"problems"`
	Notes         []Problem `json:"notes,omitempty"` // worth knowing, as rules that are waived
	Warnings      []string  `json:"warnings"`
}

// The values of Check.Result.
const (
	CheckOK      = "ok"
	CheckInvalid = "invalid"
	CheckRefused = "refused"
)

// NewCheck returns the result of a check of file that found nothing yet.
func NewCheck(file, target string) Check {
	return Check{SchemaVersion: stacks.SchemaVersion, Command: "check", Result: CheckOK,
		File: file, Target: target, Problems: []Problem{}, Warnings: []string{}}
}

func (c Check) warnings() []string { return c.Warnings }

// WriteText prints one line where all is well; problems are told by the failure.
func (c Check) WriteText(p *Page) {
	if c.Result != CheckOK {
		return
	}
	var parts []string
	for _, q := range []struct {
		n    int
		noun string
	}{{c.Apps, "app"}, {c.Jobs, "job"}, {c.Models, "model"}, {c.Secrets, "secret"}} {
		if q.n > 0 {
			parts = append(parts, count(q.n, q.noun))
		}
	}
	p.Line("%s: %s", green(c.Experiment), strings.Join(append(parts, "no problems"), ", "))
	for _, n := range c.Notes {
		n.File = "" // it is the only one
		p.Line("  %s %s", dim("note:"), n.String())
	}
}
