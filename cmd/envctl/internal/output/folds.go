package output

import "github.com/envctl/envctl/stacks"

// foldedLines is how many lines of a log are kept: what a screen shows beside the
// error. The whole log is shown by --verbose.
const foldedLines = 20

// folds keep back the last lines of each resource's log, to be shown when the
// resource fails. What only counts bytes or ends a step is left out, and so are
// errors: they are the failure's own message.
type folds struct {
	order []string
	logs  map[string]*fold
}

type fold struct {
	lines  []string
	left   int // lines that came before those kept
	failed bool
}

func (f *folds) of(e stacks.Event) *fold {
	name := label(e.Kind, e.Resource, e.Phase)
	if f.logs == nil {
		f.logs = map[string]*fold{}
	}
	if f.logs[name] == nil {
		f.logs[name] = &fold{}
		f.order = append(f.order, name)
	}
	return f.logs[name]
}

func (f *folds) add(e stacks.Event, text []string) {
	l := f.of(e)
	if e.Severity == "error" {
		l.failed = true
	}
	if e.Severity == "error" && e.State == "" || e.State == stacks.StateRunning || e.State == stacks.StateDone {
		return
	}
	l.lines = append(l.lines, text...)
	if over := len(l.lines) - foldedLines; over > 0 {
		l.lines = append([]string(nil), l.lines[over:]...)
		l.left += over
	}
}

func (f *folds) event(e stacks.Event) {
	if e.State == stacks.StateFailed {
		f.of(e).failed = true
	}
}

// WriteText prints the logs of what failed, in the order in which they began.
func (f *folds) WriteText(p *Page) {
	for _, name := range f.order {
		l := f.logs[name]
		if !l.failed || len(l.lines) == 0 {
			continue
		}
		title := name
		if title == "" {
			title = "the operation"
		}
		if l.left > 0 {
			p.Line("%s", dim("--- last lines of "+title+" (left out: "+count(l.left, "line")+", --verbose shows all)"))
		} else {
			p.Line("%s", dim("--- log of "+title))
		}
		for _, line := range l.lines {
			p.Line("  %s", line)
		}
	}
}
