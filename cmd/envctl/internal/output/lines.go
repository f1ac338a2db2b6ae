package output

import "github.com/envctl/envctl/stacks"

// lines is progress without a terminal: a line for each resource that is finished.
type lines struct {
	page    *Page
	verbose bool
}

func (l *lines) event(e stacks.Event) {
	if e.Type == stacks.EventLog || e.State == stacks.StateRunning || e.State == "" {
		return
	}
	if quiet(e) && !l.verbose {
		return
	}
	text := word(e)
	style := normal
	if e.State == stacks.StateFailed {
		style = red
	}
	l.page.Line("%s  %s  %s", style(pad(text, 9)), label(e.Kind, e.Resource, e.Phase), dim(seconds(e.Seconds)))
	if e.State == stacks.StateFailed && e.Message != "" {
		for _, m := range CleanLines(e.Message) {
			l.page.Line("           %s", m)
		}
	}
}

func (l *lines) print(text []string) {
	for _, t := range text {
		l.page.Raw(t + "\n")
	}
}

func (*lines) done() {}

// longPhase is how many seconds a phase takes before it is worth a line by itself.
const longPhase = 1

// quiet says that e tells nothing new: a resource that was left as it is or only
// read, or a phase that was over at once.
func quiet(e stacks.Event) bool {
	if e.State != stacks.StateDone {
		return false
	}
	if e.Type == stacks.EventPhase {
		return e.Seconds < longPhase
	}
	return e.Op == "same" || e.Op == "refresh"
}

func pad(s string, width int) string {
	for len(s) < width {
		s += " "
	}
	return s
}
