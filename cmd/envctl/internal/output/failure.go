package output

// Failure is an error as users see it: what is wrong, why, and what mends it.
// Nothing but the JSON tags is promised to scripts.
type Failure struct {
	Code     string    `json:"code"`    // one word, e.g. "usage"; never changes meaning
	Message  string    `json:"message"` // what is wrong, with the value quoted
	Reason   string    `json:"reason,omitempty"`
	Hint     string    `json:"hint,omitempty"` // the command or edit that mends it
	Path     string    `json:"path,omitempty"` // where: a key of the definition, a file or a flag
	Problems []Problem `json:"problems,omitempty"`
	// Interrupted says that a signal ended the operation.
	Interrupted bool `json:"-"`
	// Status is the exit status.
	Status int `json:"-"`
}

// Problem is one of several things that are wrong with a definition.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`   // from 1; 0: not known
	Column  int    `json:"column,omitempty"` // from 1
	Path    string `json:"path,omitempty"`   // e.g. apps.api.ingress
	Rule    string `json:"rule,omitempty"`   // of a policy: its name
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// WriteText prints the failure in its three parts. A message of several lines
// keeps them. One problem alone is the message itself.
func (f *Failure) WriteText(p *Page) {
	lines := CleanLines(f.Message)
	p.Line("%s %s", red("error:"), lines[0])
	for _, l := range lines[1:] {
		p.Line("  %s", l)
	}
	if len(f.Problems) > 1 {
		for _, q := range f.Problems {
			p.Line("  %s", q.String())
		}
	}
	if f.Reason != "" {
		for _, l := range CleanLines(f.Reason) {
			p.Line("  %s", l)
		}
	}
	if f.Hint != "" {
		p.Line("%s %s", cyan("try:"), f.Hint)
	}
}
