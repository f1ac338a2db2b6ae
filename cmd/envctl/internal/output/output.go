// Package output renders what commands end with, and their progress on the way.
//
// The result goes to stdout, everything else to stderr. A command hands over one
// [Document]; a [Printer] prints it as text, as one JSON object, or as that object
// after a line for each event. [New] is the only place that looks at the format.
//
// Text that comes from outside (build logs, reasons of containers, names) never
// reaches a terminal with control characters in it; see [Clean].
package output

import (
	"fmt"
	"io"

	"github.com/envctl/envctl/stacks"
)

// Format is the value of --output.
type Format string

// The formats.
const (
	Text   Format = "text"   // for people
	JSON   Format = "json"   // one object on stdout, nothing else
	NDJSON Format = "ndjson" // an event a line, the object of JSON last
)

// Formats lists every format, the default first.
func Formats() []Format { return []Format{Text, JSON, NDJSON} }

// ParseFormat returns the format called s.
func ParseFormat(s string) (Format, error) {
	for _, f := range Formats() {
		if s == string(f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("output format %q is not one of text, json, ndjson", s)
}

// Document is what a command ends with. It is marshalled as it is for JSON, and
// has to be an object there.
type Document interface {
	// WriteText prints the document for people.
	WriteText(p *Page)
}

// Printer shows one command's progress and its end. Event, Log and Notice may be
// called from several goroutines at once, Finish once and last.
type Printer interface {
	// Event shows progress. Nothing that goes wrong here stops the operation.
	Event(e stacks.Event)
	// Log prints a line of an app's log as part of the result; head goes before it
	// in text. Its error is that of writing to stdout.
	Log(head string, l LogLine) error
	// Notice tells people something on stderr at once, in every format.
	Notice(text string)
	// Finish prints the result, the failure or both, and leaves the terminal as it
	// was found. Its error is that of writing to stdout.
	Finish(d Document, f *Failure) error
}

// Options say where and how to print.
type Options struct {
	Format         Format
	Stdout, Stderr io.Writer
	// Screen is the terminal behind Stderr; nil where there is none, or none that
	// a cursor can be moved on.
	Screen *Screen
	// TerminalOut says that Stdout is a terminal.
	TerminalOut bool
	// ColorOut and ColorErr allow colours on Stdout and Stderr.
	ColorOut, ColorErr bool
	// ASCII keeps to ASCII in the tree of resources.
	ASCII bool
	// Simulated marks every object: a simulator answered.
	Simulated bool
	// Verbose shows build logs while they come and resources that stay the same.
	Verbose bool
	Clock   Clock
}

// New returns the printer for o.Format.
func New(o Options) Printer {
	switch o.Format {
	case JSON:
		return &jsonPrinter{out: o.Stdout, err: o.Stderr, simulated: o.Simulated}
	case NDJSON:
		return &ndjsonPrinter{out: o.Stdout, err: o.Stderr, clock: o.Clock, simulated: o.Simulated}
	default:
		return newTextPrinter(o)
	}
}
