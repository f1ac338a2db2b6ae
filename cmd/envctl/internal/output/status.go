package output

import (
	"fmt"

	"github.com/envctl/envctl/stacks"
)

// writeStatus prints a table of the apps with their health, and the drift.
func (o Operation) writeStatus(p *Page) {
	if o.Result.Result == stacks.Absent {
		p.Line("%s is not there on %s", bold(name(o.Ref)), place(o.Target, o.Simulated))
		return
	}
	head := bold(name(o.Ref))
	switch {
	case o.Expires.IsZero():
		p.Line("%s %s on %s, does not expire", head, stateColor(o.Result.Result), place(o.Target, o.Simulated))
	case o.Expires.Before(p.now):
		p.Line("%s %s on %s, %s", head, stateColor(o.Result.Result), place(o.Target, o.Simulated), red(left(o.Expires, p.now)))
	default:
		p.Line("%s %s on %s, expires %s", head, stateColor(o.Result.Result), place(o.Target, o.Simulated), left(o.Expires, p.now))
	}
	o.writeApps(p)
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
