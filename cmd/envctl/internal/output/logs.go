package output

import (
	"io"
	"strings"
	"time"

	"github.com/envctl/envctl/stacks"
)

// LogLine is one line that an app or a job wrote.
type LogLine struct {
	Time   time.Time `json:"time,omitzero"`
	App    string    `json:"app"`
	Stream string    `json:"stream"` // stdout or stderr
	Text   string    `json:"text"`
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
