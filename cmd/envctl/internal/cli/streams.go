package cli

import (
	"io"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

// clean makes a stream fit for a program nobody vouches for: on a terminal, its
// control characters are left out. A file or a pipe gets what the program wrote.
// What is returned has to be closed, which leaves the stream itself open.
func (p *program) clean(w io.Writer) io.WriteCloser {
	if p.env.IsTerminal(w) {
		return output.NewCleanWriter(w)
	}
	return open{w}
}

// open is a writer that Close leaves open.
type open struct{ io.Writer }

func (open) Close() error { return nil }

// closeAll writes what is left. An error of a terminal that is gone has nowhere to
// be told.
func closeAll(streams ...io.Closer) {
	for _, s := range streams {
		_ = s.Close()
	}
}
