package docker

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// maxComplaint is how much of a command's standard error is kept, in bytes.
const maxComplaint = 4 << 10

// ExecStream starts a command in a container that runs and returns its standard
// input and output as one stream, which has CloseWrite too: the command reads to the
// end of what was written, and can still answer. At the end of the output Read
// returns io.EOF, or, if the command failed, an error with its standard error. When
// ctx ends the stream does, as by Close; the command sees the end of its input.
func (e *Engine) ExecStream(ctx context.Context, nameOrID string, cmd []string) (io.ReadWriteCloser, error) {
	made, err := e.api.ExecCreate(ctx, nameOrID, client.ExecCreateOptions{
		Cmd: cmd, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, unprepared(err, nameOrID, cmd)
	}
	conn, err := e.api.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return nil, fmt.Errorf("start %q in %q: %w", cmd, nameOrID, err)
	}
	out, in := io.Pipe()
	s := &execStream{conn: conn.HijackedResponse, out: out, in: in, closed: make(chan struct{})}
	s.stop = context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })
	go func() {
		var complaint head
		_, err := stdcopy.StdCopy(in, &complaint, conn.Reader)
		if err == nil {
			err = s.outcome(ctx, e, made.ID, cmd, complaint.String())
		}
		_ = in.CloseWithError(err)
	}()
	return s, nil
}

// execStream is a command's streams.
type execStream struct {
	conn   client.HijackedResponse
	out    *io.PipeReader
	in     *io.PipeWriter // of what the command puts out
	stop   func() bool
	once   sync.Once
	closed chan struct{}
}

// outcome is nil, which reads as io.EOF, for a command that succeeded.
func (s *execStream) outcome(ctx context.Context, e *Engine, id string, cmd []string, complaint string) error {
	select {
	case <-s.closed: // nobody waits for it
		return nil
	default:
	}
	status, err := e.execStatus(ctx, id)
	if err != nil || status == 0 {
		return err
	}
	if complaint == "" {
		complaint = "it said nothing"
	}
	return fmt.Errorf("%q ended with status %d: %s", cmd, status, complaint)
}

// Read implements io.Reader.
func (s *execStream) Read(p []byte) (int, error) { return s.out.Read(p) }

// Write implements io.Writer.
func (s *execStream) Write(p []byte) (int, error) { return s.conn.Conn.Write(p) }

// CloseWrite ends the command's standard input.
func (s *execStream) CloseWrite() error { return s.conn.CloseWrite() }

// Close implements io.Closer.
func (s *execStream) Close() error {
	s.stop()
	s.end(io.ErrClosedPipe)
	return nil
}

// end makes Read return cause.
func (s *execStream) end(cause error) {
	s.once.Do(func() {
		close(s.closed)
		_ = s.in.CloseWithError(cause) // before the connection's own error
		s.conn.Close()
	})
}

// head keeps the first bytes that are written to it.
type head struct{ text strings.Builder }

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.text.Write(p[:min(len(p), maxComplaint-h.text.Len())])
	return len(p), nil
}

func (h *head) String() string { return strings.TrimSpace(h.text.String()) }
