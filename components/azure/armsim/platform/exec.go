package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"github.com/envctl/envctl/components/azure/armsim/run"
)

// The bytes that messages begin with, as Microsoft's own command line has them
// (azure-cli, containerapp, _ssh_utils.py): who speaks, then which stream.
const (
	proxyForward, proxyInfo, proxyError = 0, 1, 2
	streamStdin, streamStdout           = 0, 1
	streamStderr, streamResize          = 2, 4
)

// exec runs ?command= in the app over a websocket.
func (s *Server) exec(w http.ResponseWriter, r *http.Request, id string) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	in, feed := io.Pipe()
	sizes := make(chan [2]uint, 1)
	go receive(ctx, conn, feed, sizes)
	code, err := s.Runner.Exec(ctx, id, Split(r.URL.Query().Get("command")), run.IO{
		In: in, Out: frames{ctx, conn, streamStdout}, Err: frames{ctx, conn, streamStderr}, TTY: true, Resize: sizes,
	})
	in.Close()
	switch {
	case err != nil:
		_ = conn.Write(ctx, websocket.MessageBinary, append([]byte{proxyError}, err.Error()...))
	case code != 0:
		_ = conn.Write(ctx, websocket.MessageBinary, append([]byte{proxyError}, fmt.Sprintf("command terminated with exit code %d", code)...))
	default:
		_ = conn.Write(ctx, websocket.MessageBinary, append([]byte{proxyInfo}, "Connection closed with success status"...))
	}
	_ = conn.Close(websocket.StatusNormalClosure, "")
}

type frames struct {
	ctx    context.Context
	conn   *websocket.Conn
	stream byte
}

func (f frames) Write(p []byte) (int, error) {
	err := f.conn.Write(f.ctx, websocket.MessageBinary, append([]byte{proxyForward, f.stream}, p...))
	return len(p), err
}

func receive(ctx context.Context, conn *websocket.Conn, feed *io.PipeWriter, sizes chan [2]uint) {
	defer feed.Close()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if len(data) < 2 || data[0] != proxyForward {
			continue
		}
		switch data[1] {
		case streamStdin:
			if _, err := feed.Write(data[2:]); err != nil {
				return
			}
		case streamResize:
			var size struct{ Width, Height uint }
			if json.Unmarshal(data[2:], &size) == nil {
				select {
				case sizes <- [2]uint{size.Width, size.Height}:
				default: // the one before was not taken yet
				}
			}
		}
	}
}

// Split takes a command line apart at spaces outside of double quotes, within
// which a backslash keeps the next character.
func Split(command string) []string {
	var out []string
	var word strings.Builder
	quoted, begun := false, false
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case c == '\\' && quoted && i+1 < len(command):
			i++
			word.WriteByte(command[i])
		case c == '"':
			quoted, begun = !quoted, true
		case c == ' ' && !quoted:
			if begun || word.Len() > 0 {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
		}
	}
	if begun || word.Len() > 0 {
		out = append(out, word.String())
	}
	return out
}
