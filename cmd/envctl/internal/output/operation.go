package output

import (
	"maps"
	"math"
	"slices"

	"github.com/envctl/envctl/stacks"
)

// Operation is the result of preview, up, down, extend or status.
type Operation struct{ stacks.Result }

// NewOperation wraps r. Scripts may rely on warnings being a list; seconds are to
// the millisecond.
func NewOperation(r stacks.Result) Operation {
	r.Seconds = math.Round(r.Seconds*1000) / 1000
	r.SchemaVersion = stacks.SchemaVersion
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	return Operation{r}
}

func (o Operation) warnings() []string { return o.Warnings }

// WriteText prints what the command is about: the steps, the apps or the addresses.
func (o Operation) WriteText(p *Page) {
	switch {
	case o.Result.Result == stacks.Failed || o.Result.Result == stacks.Refused:
		// The failure says it.
	case o.Command == "preview":
		o.writePreview(p)
	case o.Command == "status":
		o.writeStatus(p)
	case o.Command == "extend":
		p.Line("%s expires %s (%s)", green(name(o.Ref)), o.Expires.UTC().Format("2006-01-02 15:04 UTC"), left(o.Expires, p.now))
	case o.Command == "down":
		o.writeDown(p)
	default:
		o.writeUp(p)
	}
}

// name is the experiment, with the instance where it is not the usual one.
func name(r stacks.Ref) string {
	if r.Instance == "" || r.Instance == "default" {
		return r.Experiment
	}
	return r.Experiment + "/" + r.Instance
}

func (o Operation) writeUp(p *Page) {
	changes := ""
	if c := o.Changes; c != nil && c.Any() {
		changes = ": " + summary(*c, pastWords)
	}
	p.Line("%s %s on %s in %s%s", green(name(o.Ref)), o.Result.Result, place(o.Target, o.Simulated), seconds(o.Seconds), changes)
	o.writeOutputs(p)
	if !o.Expires.IsZero() {
		p.Line("expires %s (%s)", o.Expires.UTC().Format("2006-01-02 15:04 UTC"), left(o.Expires, p.now))
	}
}

// writeOutputs lists the apps with their addresses and how to start the jobs.
func (o Operation) writeOutputs(p *Page) {
	if o.Outputs == nil {
		return
	}
	var rows [][]styled
	for _, app := range slices.Sorted(maps.Keys(o.Outputs.Apps)) {
		if url := o.Outputs.Apps[app].URL; url != "" {
			rows = append(rows, []styled{normal(app), cyan(url)})
		} else {
			rows = append(rows, []styled{normal(app), dim("no public address")})
		}
	}
	for _, job := range slices.Sorted(maps.Keys(o.Outputs.Jobs)) {
		rows = append(rows, []styled{normal(job), dim("job: envctl run " + job + o.flags())})
	}
	p.table(2, rows)
}

// flags are those that lead a command to where the experiment is.
func (o Operation) flags() string {
	text := ""
	if o.Target == "azure" {
		text = " -t azure"
	}
	if o.Simulated {
		text += " --simulate"
	}
	return text
}

func (o Operation) writeDown(p *Page) {
	switch {
	case o.Result.Result == stacks.Absent:
		p.Line("%s is not there on %s, nothing to remove", bold(name(o.Ref)), place(o.Target, o.Simulated))
	case o.Changes != nil:
		p.Line("%s %s on %s in %s: %s removed", green(name(o.Ref)), o.Result.Result, place(o.Target, o.Simulated),
			seconds(o.Seconds), count(o.Changes.Delete, "resource"))
	default:
		p.Line("%s %s on %s in %s", green(name(o.Ref)), o.Result.Result, place(o.Target, o.Simulated), seconds(o.Seconds))
	}
	for _, s := range o.Steps {
		p.Line("  %s %s", red("-"), label(stacks.KindOf(s.Type), s.Name, ""))
	}
}
