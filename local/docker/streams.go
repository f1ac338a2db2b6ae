package docker

import (
	"context"
	"io"
	"sync"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// Streams are a program's standard streams. A nil Stdin is empty; a nil writer
// drops what is written. With a terminal, all output goes to Stdout.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Size is a terminal's, in characters.
type Size struct{ Width, Height uint }

func (s Streams) writers() (stdout, stderr io.Writer) {
	stdout, stderr = s.Stdout, s.Stderr
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	return stdout, stderr
}

// pump copies between the streams and a hijacked connection, and returns when
// the engine has closed its side or ctx has ended. A Stdin that blocks in Read
// is left behind: nothing can interrupt it, and what it reads later is dropped.
func (s Streams) pump(ctx context.Context, conn client.HijackedResponse, tty bool) error {
	closed := sync.OnceFunc(conn.Close)
	defer closed()
	stop := context.AfterFunc(ctx, closed)
	defer stop()
	if s.Stdin != nil {
		go func() {
			_, _ = io.Copy(conn.Conn, s.Stdin) // a broken pipe: the program no longer reads
			_ = conn.CloseWrite()
		}()
	}
	stdout, stderr := s.writers()
	var err error
	if tty {
		_, err = io.Copy(stdout, conn.Reader)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, conn.Reader)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
