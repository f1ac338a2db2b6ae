package service

import (
	"context"
	"io"

	"github.com/envctl/envctl/local/docker"
)

// Docker is the [Engine] that a connection to Docker is; closing it closes that.
type Docker struct{ *docker.Engine }

// Find implements [Engine].
func (d Docker) Find(ctx context.Context, container string) (State, error) {
	found, there, err := d.Inspect(ctx, container)
	switch {
	case err != nil || !there:
		return Gone, err
	case found.State == nil || !found.State.Running:
		return Stopped, nil
	}
	return Running, nil
}

// Dial implements [Engine].
func (d Docker) Dial(ctx context.Context, container string, command []string) (io.ReadWriteCloser, error) {
	return d.ExecStream(ctx, container, command)
}

var _ Engine = Docker{}
