package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envctl/envctl/stacks"
)

// writeStatus prints a table of the apps with their health, and the drift.
func (o Operation) writeStatus(p *Page) {
	if o.Result.Result == stacks.Absent {
		p.Line("%s is not there on %s", bold(name(o.Ref)), place(o.Target, o.Simulated))
		return
	}
	head, where := bold(name(o.Ref)), place(o.Target, o.Simulated)
	if levels := isolation(o.Apps); levels != "" {
		where += ", isolation " + levels
	}
	switch {
	case o.Expires.IsZero():
		p.Line("%s %s on %s, does not expire", head, stateColor(o.Result.Result), where)
	case o.Expires.Before(p.now):
		p.Line("%s %s on %s, %s", head, stateColor(o.Result.Result), where, red(left(o.Expires, p.now)))
	default:
		p.Line("%s %s on %s, expires %s", head, stateColor(o.Result.Result), where, left(o.Expires, p.now))
	}
	o.writeApps(p)
	o.writeIdentity(p)
	if o.Spend != nil {
		writeSpend(p, *o.Spend)
	}
	if len(o.Drift) > 0 {
		p.Line("%s, `envctl up` mends it:", yellow("drift"))
	}
	for _, d := range o.Drift {
		where := d.Resource
		if d.Path != "" {
			where += " " + d.Path
		}
		p.Line("  %s: want %s, got %s", where, d.Want, d.Got)
	}
}

// isolation names what separates the apps from the machine, every level once; empty
// where the target does not tell.
func isolation(apps []stacks.AppStatus) string {
	var levels []string
	for _, a := range apps {
		if a.Isolation != "" && !slices.Contains(levels, a.Isolation) {
			levels = append(levels, a.Isolation)
		}
	}
	slices.Sort(levels)
	return strings.Join(levels, " and ")
}

func (o Operation) writeApps(p *Page) {
	if len(o.Apps) == 0 {
		return
	}
	rows := [][]styled{{dim("APP"), dim("STATE"), dim("SINCE"), dim("URL"), dim("REASON")}}
	for _, a := range o.Apps {
		since, url, reason := "-", "-", a.Reason
		if !a.Since.IsZero() {
			since = span(max(0, p.now.Sub(a.Since)))
		}
		if a.URL != "" {
			url = a.URL
		}
		if a.ExitCode != nil && reason == "" {
			reason = fmt.Sprintf("exit status %d", *a.ExitCode)
		}
		rows = append(rows, []styled{normal(a.Name), stateColor(a.State), normal(since), normal(url), normal(reason)})
	}
	p.table(2, rows)
}

// stateColor is green for what is well, yellow for what may become well, red else.
func stateColor(state string) styled {
	switch state {
	case "running":
		return green(state)
	case "starting", "restarting", "partial", "stopped", "interrupted":
		return yellow(state)
	case "absent", "unknown":
		return dim(state)
	}
	return red(state)
}
