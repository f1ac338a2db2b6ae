package output

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// longestLine bounds what [CleanWriter] keeps of a line that does not end.
const longestLine = 64 << 10

// CleanWriter writes whole lines to a terminal, each cleaned as by [CleanLines]. A
// line that is not ended is written by Close, or when it is longer than 64 KiB. It
// is for programs nobody vouches for whose output goes to a terminal that is not
// theirs.
type CleanWriter struct {
	mu   sync.Mutex
	w    io.Writer
	rest []byte
}

// NewCleanWriter returns a CleanWriter on w.
func NewCleanWriter(w io.Writer) *CleanWriter { return &CleanWriter{w: w} }

// Write takes all of p, or fails as w does.
func (c *CleanWriter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rest = append(c.rest, p...)
	end := bytes.LastIndexByte(c.rest, '\n') + 1
	if end == 0 && len(c.rest) > longestLine {
		end = len(c.rest)
	}
	if end == 0 {
		return len(p), nil
	}
	whole := c.rest[:end]
	err := c.flush(whole)
	c.rest = append([]byte(nil), c.rest[end:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what is left. It does not close the writer below.
func (c *CleanWriter) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rest) == 0 {
		return nil
	}
	rest := c.rest
	c.rest = nil
	return c.flush(rest)
}

func (c *CleanWriter) flush(text []byte) error {
	var b bytes.Buffer
	for len(text) > 0 {
		line, after, ended := bytes.Cut(text, []byte("\n"))
		b.WriteString(CleanLines(string(line))[0])
		if ended {
			b.WriteByte('\n')
		}
		text = after
	}
	n, err := c.w.Write(b.Bytes())
	if err == nil && n < b.Len() {
		err = errors.New("short write")
	}
	return err
}
