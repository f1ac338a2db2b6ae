package output

import (
	"io"
	"sync"

	"github.com/envctl/envctl/stacks"
)

// progress shows events to people, on stderr.
type progress interface {
	// event takes one event that is not a line of a log.
	event(e stacks.Event)
	// print writes whole lines between the progress.
	print(lines []string)
	// done ends the progress; what it showed last stays.
	done()
}

// textPrinter prints for people: progress and failures on stderr, the document on
// stdout. Lines of build logs are kept back until something fails.
type textPrinter struct {
	o        Options
	mu       sync.Mutex
	progress progress
	folds    folds
}

func newTextPrinter(o Options) *textPrinter {
	p := &textPrinter{o: o}
	if o.Screen != nil {
		p.progress = newLive(o)
	} else {
		p.progress = &lines{page: p.page(o.Stderr, o.ColorErr), verbose: o.Verbose}
	}
	return p
}

func (p *textPrinter) page(w io.Writer, color bool) *Page {
	return &Page{w: w, color: color, verbose: p.o.Verbose, now: p.o.Clock.Now()}
}

func (p *textPrinter) Event(e stacks.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Type != stacks.EventLog {
		p.folds.event(e)
		p.progress.event(e)
		return
	}
	text := CleanLines(e.Message)
	switch {
	case e.Severity == "warning":
		p.progress.print(withHead(styled{"33", "warning:"}.render(p.o.ColorErr)+" ", text))
	case p.o.Verbose && e.State != stacks.StateRunning:
		p.progress.print(withHead(head(e), text))
	default:
		p.folds.add(e, text)
		p.progress.event(e)
	}
}

func (p *textPrinter) Log(head string, l LogLine) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return writeLog(p.o.Stdout, head, l, p.o.TerminalOut)
}

func (p *textPrinter) Notice(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress.print([]string{Clean(text)})
}

func (p *textPrinter) Finish(d Document, f *Failure) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress.done()
	stderr := p.page(p.o.Stderr, p.o.ColorErr)
	if f != nil && !f.Interrupted { // what a signal ended has not failed of itself
		p.folds.WriteText(stderr)
	}
	var err error
	if d != nil {
		stdout := p.page(p.o.Stdout, p.o.ColorOut)
		if p.o.TerminalOut && p.o.Screen != nil {
			stdout.width, _ = p.o.Screen.Size()
		}
		d.WriteText(stdout)
		err = stdout.err
		if w, ok := d.(interface{ warnings() []string }); ok {
			for _, text := range w.warnings() {
				stderr.Line("%s %s", yellow("warning:"), text)
			}
		}
	}
	if f != nil {
		f.WriteText(stderr)
	}
	return err
}

// head says which resource a line of a log belongs to.
func head(e stacks.Event) string {
	if name := e.Resource; name != "" {
		return Clean(name) + " | "
	}
	return ""
}

// withHead puts head before the first line and as much space before the others.
func withHead(head string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = head + l
	}
	return out
}
