package console

import (
	"bytes"
	"io"
)

// writers are where output goes: without a terminal here, with the line ends that
// the program wrote.
func (s Session) writers() (out, errs io.Writer) {
	out, errs = s.Stdout, s.Stderr
	if out == nil {
		out = io.Discard
	}
	if errs == nil {
		errs = io.Discard
	}
	if !s.TTY {
		out, errs = &lineEnds{to: out}, &lineEnds{to: errs}
	}
	return out, errs
}

// lineEnds turns the CR LF of a terminal back into LF, also where the two come in
// different messages.
type lineEnds struct {
	to   io.Writer
	held bool // a CR
}

func (l *lineEnds) Write(p []byte) (int, error) {
	data := p
	if l.held {
		data = append([]byte{'\r'}, p...)
	}
	l.held = bytes.HasSuffix(data, []byte{'\r'})
	if l.held {
		data = data[:len(data)-1]
	}
	if _, err := l.to.Write(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// flush writes a CR that nothing followed.
func flush(writers ...io.Writer) {
	for _, w := range writers {
		if l, ok := w.(*lineEnds); ok && l.held {
			l.held = false
			_, _ = l.to.Write([]byte{'\r'}) // the end is told by the status
		}
	}
}
