package docker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/client"
)

// InputSpec is a folder in a container that files are brought to before its
// program starts. It is an anonymous volume that is removed with the container.
// Its root is the engine's (0:0, 0755), so that a program that is not root can
// change nothing in it but what the tar gives away.
type InputSpec struct {
	Path string // in the container, absolute, not /
	// Write writes the folder's content as a tar. Nothing but an uncompressed tar
	// may be written: an engine may run programs of the image to decompress another
	// (CVE-2026-41567).
	Write func(w io.Writer) error
}

// copyIn brings a run's inputs in.
func (e *Engine) copyIn(ctx context.Context, id string, in InputSpec) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := in.Write(w)
		written <- err
		_ = w.CloseWithError(err)
	}()
	_, err := e.api.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: in.Path, Content: r})
	// What writes is told when nobody reads any more, so it always comes to an end.
	_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	if source := <-written; source != nil && !errors.Is(source, io.ErrClosedPipe) {
		return source
	}
	if err != nil {
		return fmt.Errorf("bring files to %q: %w", in.Path, err)
	}
	return nil
}
