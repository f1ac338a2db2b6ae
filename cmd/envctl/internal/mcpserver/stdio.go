package mcpserver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Stdio is the transport of lines on two streams, neither of which is closed. A line
// that is no message is answered as such and left out: it ends neither the session
// nor the boxes, which others may be at work in.
func Stdio(in io.Reader, out io.Writer, log *slog.Logger) mcp.Transport {
	to := &lineWriter{to: out}
	return &mcp.IOTransport{
		Reader: io.NopCloser(&messages{from: bufio.NewReaderSize(in, 64<<10), to: to, log: log}), Writer: to,
	}
}

// lineWriter lets whole lines of two writers follow each other.
type lineWriter struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements [io.Writer]: p is a line.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// Close leaves the stream open.
func (*lineWriter) Close() error { return nil }

// messages is a stream of the lines of another that are messages.
type messages struct {
	from *bufio.Reader
	to   io.Writer
	log  *slog.Logger
	left []byte // of a line
}

// Read implements [io.Reader].
func (m *messages) Read(p []byte) (int, error) {
	for len(m.left) == 0 {
		line, err := m.line()
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
			if wrong := checkMessage(trimmed); wrong == nil {
				m.left = append(trimmed, '\n')
				break // an error comes again with the next line
			} else if refused := m.refuse(wrong); refused != nil {
				return 0, refused
			}
		}
		if err != nil && !errors.Is(err, errLong) {
			return 0, err
		}
		if err != nil {
			if refused := m.refuse(err); refused != nil {
				return 0, refused
			}
		}
	}
	n := copy(p, m.left)
	m.left = m.left[n:]
	return n, nil
}

// errLong is a line that is longer than a message may be.
var errLong = fmt.Errorf("the message is longer than %d bytes", maxBody)

// line returns the next line. One that is too long is read and dropped.
func (m *messages) line() ([]byte, error) {
	var line []byte
	for long := false; ; {
		part, err := m.from.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxBody; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil && long:
			return nil, errLong
		default:
			return line, err
		}
	}
}

// checkMessage says what is wrong with a message. A batch of several is none: the
// protocol has them in one old version alone, and later ones end the session there.
func checkMessage(line []byte) error {
	if line[0] == '[' {
		return errors.New("it is a batch: send one message a line")
	}
	_, err := jsonrpc.DecodeMessage(line)
	return err
}

// refuse answers what is no message. Nobody knows whose answer it is.
func (m *messages) refuse(wrong error) error {
	m.log.Warn("a line on stdin is no message", "error", brief(wrong.Error()))
	said, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": nil, "error": map[string]any{
		"code": -32700, "message": "not a message of JSON-RPC: " + brief(wrong.Error()),
	}})
	if err == nil {
		_, err = m.to.Write(append(said, '\n'))
	}
	return err
}
