package output

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/envctl/envctl/stacks"
)

// LogLine is one line that an app or a job wrote, or that the gateway told of it.
type LogLine struct {
	Time   time.Time `json:"time,omitzero"`
	App    string    `json:"app"`
	Stream string    `json:"stream"` // stdout, stderr or egress
	Text   string    `json:"text"`
	Egress *Egress   `json:"egress,omitempty"` // what Text says, where Stream is egress
}

// Egress is a host that an app wanted to reach, and what came of it.
type Egress struct {
	Host    string `json:"host"` // HOST:PORT
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"`
	Count   int    `json:"count"`            // how often, since the last line like it
	Canary  bool   `json:"canary,omitempty"` // the gateway itself tried it, to be refused
}

// NewEgressLine is the line of e.
func NewEgressLine(at time.Time, app string, e Egress) LogLine {
	verdict := "refused"
	switch {
	case e.Canary && e.Allowed:
		verdict = "NOT CONTAINED"
	case e.Canary:
		verdict = "contained"
	case e.Allowed:
		verdict = "allowed"
	}
	text := at.UTC().Format(time.RFC3339) + " " + verdict + " " + e.Host
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Count > 1 {
		text += fmt.Sprintf(" (%d times)", e.Count)
	}
	return LogLine{Time: at, App: app, Stream: "egress", Text: text, Egress: &e}
}

// Logs is the result of logs. JSON has the lines in it; the other formats printed
// them when they came.
type Logs struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command"`
	stacks.Ref
	Lines []LogLine `json:"lines,omitempty"`
}

// NewLogs returns the result of logs for ref.
func NewLogs(ref stacks.Ref) *Logs {
	return &Logs{SchemaVersion: stacks.SchemaVersion, Command: "logs", Ref: ref}
}

// WriteText prints nothing: the lines were printed when they came.
func (*Logs) WriteText(*Page) {}

// writeLog prints l after head. On a terminal control characters are left out; in
// a file or a pipe the text is as the app wrote it.
func writeLog(w io.Writer, head string, l LogLine, terminal bool) error {
	text := strings.TrimRight(l.Text, "\r\n")
	if terminal {
		text = CleanLines(text)[0]
	}
	_, err := io.WriteString(w, head+text+"\n")
	return err
}
