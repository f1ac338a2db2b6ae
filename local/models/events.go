package models

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxEvent is the longest event of a stream in bytes.
const maxEvent = 8 << 20

var errLongEvent = fmt.Errorf("an event of the stream has more than %d bytes", maxEvent)

// event is one server-sent event: its bytes, with the empty line that ends it, and
// the data in them.
type event struct {
	raw  []byte
	data []byte
}

// events reads server-sent events.
type events struct{ in *bufio.Reader }

func newEvents(in io.Reader) *events { return &events{bufio.NewReaderSize(in, 64<<10)} }

// next returns the next event. io.EOF is the end after a whole one, and
// io.ErrUnexpectedEOF one in the middle.
func (e *events) next() (event, error) {
	var out event
	for {
		line, err := e.in.ReadSlice('\n')
		out.raw = append(out.raw, line...)
		if len(out.raw) > maxEvent {
			return event{}, errLongEvent
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) && len(bytes.TrimSpace(out.raw)) > 0 {
			return event{}, io.ErrUnexpectedEOF
		}
		if err != nil {
			return event{}, err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 && endsLine(out.raw, line) {
			out.data = dataOf(out.raw)
			return out, nil
		}
	}
}

// endsLine says that line, the last part of raw, is a whole line.
func endsLine(raw, line []byte) bool {
	before := len(raw) - len(line)
	return before == 0 || raw[before-1] == '\n'
}

// dataOf joins the data lines of an event.
func dataOf(raw []byte) []byte {
	var out [][]byte
	for line := range bytes.Lines(raw) {
		if data, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("data:")); ok {
			out = append(out, bytes.TrimPrefix(data, []byte(" ")))
		}
	}
	return bytes.Join(out, []byte("\n"))
}
