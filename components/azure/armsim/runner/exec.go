package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
)

// Exec implements [run.Streams].
func (r *Runner) Exec(ctx context.Context, id string, cmd []string, streams run.IO) (int, error) {
	list, err := r.find(ctx, labelID, id, LabelKind, kindApp)
	if err != nil {
		return 0, err
	}
	slices.SortFunc(list, func(a, b docker.Container) int { return index(a.Name) - index(b.Name) })
	at := slices.IndexFunc(list, func(c docker.Container) bool { return c.State == "running" })
	if at < 0 {
		return 0, fmt.Errorf("%s has no replica that runs, so no command can be run in it", last(id))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return r.engine.Exec(ctx, list[at].ID, docker.ExecOptions{
		Cmd: cmd, TTY: streams.TTY, Resize: sizes(ctx, streams.Resize),
		Streams: docker.Streams{Stdin: streams.In, Stdout: streams.Out, Stderr: streams.Err},
	})
}

// sizes passes the sizes of a terminal on until ctx ends.
func sizes(ctx context.Context, from <-chan [2]uint) <-chan docker.Size {
	if from == nil {
		return nil
	}
	out := make(chan docker.Size)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case size, ok := <-from:
				if !ok {
					return
				}
				select {
				case <-ctx.Done():
					return
				case out <- docker.Size{Width: size[0], Height: size[1]}:
				}
			}
		}
	}()
	return out
}

// execution splits ID/executions/NAME; without one, name is empty.
func execution(id string) (job, name string) {
	job, name, _ = strings.Cut(id, "/executions/")
	return job, name
}
