package docker

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// LogOptions chooses what [Engine.Logs] gives.
type LogOptions struct {
	Follow     bool      // until the container ends or ctx does
	Since      time.Time // zero: from the start
	Until      time.Time // zero: to the end
	Tail       int       // only the last lines; 0: all
	Timestamps bool      // RFC 3339 with nanoseconds before each line
}

// Logs copies a container's output to the two writers. A container with a
// terminal has one stream, which goes to stdout. When ctx ends, so does Logs,
// with its cause.
func (e *Engine) Logs(ctx context.Context, nameOrID string, o LogOptions, stdout, stderr io.Writer) error {
	found, ok, err := e.Inspect(ctx, nameOrID)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("there is no container %q to read the log of", nameOrID)
	}
	options := client.ContainerLogsOptions{
		ShowStdout: true, ShowStderr: true, Follow: o.Follow, Timestamps: o.Timestamps,
		Since: logTime(o.Since), Until: logTime(o.Until),
	}
	if o.Tail > 0 {
		options.Tail = strconv.Itoa(o.Tail)
	}
	stream, err := e.api.ContainerLogs(ctx, found.ID, options)
	if err != nil {
		return fmt.Errorf("read the log of %q: %w", nameOrID, err)
	}
	defer stream.Close()
	if found.Config != nil && found.Config.Tty {
		_, err = io.Copy(stdout, stream)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, stream)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the log of %q: %w", nameOrID, err)
	}
	return nil
}

func logTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}
