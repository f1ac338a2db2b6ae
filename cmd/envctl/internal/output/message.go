package output

import "github.com/envctl/envctl/stacks"

// Files is the result of a command that wrote files.
type Files struct {
	SchemaVersion int      `json:"schemaVersion"`
	Command       string   `json:"command"`
	Written       []string `json:"written"`
	Next          string   `json:"next,omitempty"` // the command to go on with
}

// NewFiles returns the result of command, which wrote the files.
func NewFiles(command, next string, written ...string) Files {
	return Files{stacks.SchemaVersion, command, written, next}
}

// WriteText prints a line a file and what to do next.
func (f Files) WriteText(p *Page) {
	for _, name := range f.Written {
		p.Line("wrote %s", bold(name))
	}
	if f.Next != "" {
		p.Line("next: %s", cyan(f.Next))
	}
}

// JobRun is the result of run.
type JobRun struct {
	stacks.Result
	Job      string `json:"job"`
	ExitCode int    `json:"exitCode"`
	Out      string `json:"out,omitempty"` // the folder that the job's files came to
}

// NewJobRun wraps the result of one run of job.
func NewJobRun(r stacks.Result, job string, exitCode int, out string) JobRun {
	return JobRun{NewOperation(r).Result, job, exitCode, out}
}

func (r JobRun) warnings() []string { return r.Warnings }

// WriteText prints nothing: stdout is the job's own.
func (JobRun) WriteText(*Page) {}

// Verbatim is bytes that are the same in every format, such as the JSON Schema.
// They have to be one JSON object where a command accepts --output json.
type Verbatim []byte

// MarshalJSON returns the bytes.
func (v Verbatim) MarshalJSON() ([]byte, error) { return v, nil }

// WriteText prints the bytes.
func (v Verbatim) WriteText(p *Page) { p.Raw(string(v)) }
