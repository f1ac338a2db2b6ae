package box

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/box/frame"
	"github.com/envctl/envctl/local/box/hold"
	"github.com/envctl/envctl/local/docker"
)

// watch runs a program to its end.
func (m *Manager) watch(ctx context.Context, p *Program, c Command, ending <-chan struct{}) {
	timer := time.AfterFunc(c.Timeout, func() { p.end(TimedOut) })
	defer timer.Stop()
	res, err := m.ask(ctx, p.Box, c.request(), c.Stdin, p.Stdout, p.Stderr, p.control, ending)
	p.mu.Lock()
	p.result = Result{
		Reason: p.reason, ExitCode: res.ExitCode, Signal: res.Signal, Duration: m.Now().Sub(p.Started),
		MaxRSS: res.MaxRSS, CPU: time.Duration(res.CPU) * time.Microsecond, Left: res.Killed,
	}
	switch {
	case err != nil && p.reason == "":
		p.result.Reason, p.result.ExitCode, p.result.Signal = Lost, 137, 9
		if _, known := m.Known(p.Box); known != nil {
			p.result.Reason = Expired
		}
	case err != nil:
		p.result.ExitCode, p.result.Signal = 137, 9
	case res.Error != "":
		p.result.Err = errors.New(res.Error)
		p.result.ExitCode = 127
	}
	if p.result.Reason == "" {
		p.result.Reason = Exited
	}
	p.mu.Unlock()
	close(p.done)
}

// ask has hold serve a request. When it does not answer as it should, everything
// in the box but process 1 is killed, for nothing is known of what still runs.
func (m *Manager) ask(
	ctx context.Context, id string, r frame.Request, payload []byte, stdout, stderr io.Writer,
	control <-chan byte, ending <-chan struct{},
) (frame.Result, error) {
	r.Payload = int64(len(payload))
	line, err := json.Marshal(r)
	if err != nil {
		return frame.Result{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, feed := io.Pipe()
	out, sink := io.Pipe()
	defer feed.Close()
	finished := make(chan struct{})
	go func() {
		_, err := m.Engine.Exec(ctx, containerName(id), docker.ExecOptions{
			Cmd: []string{hold.Path, hold.Do}, WorkDir: "/", Streams: docker.Streams{Stdin: in, Stdout: sink},
		})
		if err == nil {
			err = io.EOF
		}
		_ = sink.CloseWithError(err)
		_ = in.CloseWithError(err)
	}()
	go m.outlive(ctx, id, finished, cancel)
	go m.instruct(ctx, feed, append(append(line, '\n'), payload...), control, ending, finished, cancel)
	res, err := frame.Copy(out, stdout, stderr)
	close(finished)
	_ = out.CloseWithError(io.ErrClosedPipe)
	if err != nil {
		m.purge(ctx, id)
		return res, fmt.Errorf("box %q does not answer: %w", id, err)
	}
	return res, nil
}

// outlive gives a request up when its box has ended. An engine does not always end the
// exec with its container: Engine 20.10 with runsc leaves some connections open.
func (m *Manager) outlive(ctx context.Context, id string, finished <-chan struct{}, giveUp func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-finished:
		return
	case <-time.After(lookAfter):
	}
	end := m.Engine.Client().ContainerWait(ctx, containerName(id), client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-finished:
		return
	case err := <-end.Error:
		if !cerrdefs.IsNotFound(err) {
			return // the exec has to tell by itself
		}
	case <-end.Result:
	}
	select {
	case <-finished:
	case <-time.After(lastWords):
		giveUp()
	}
}

// instruct sends a request, and then what becomes of it.
func (m *Manager) instruct(
	ctx context.Context, feed io.WriteCloser, request []byte,
	control <-chan byte, ending, finished <-chan struct{}, giveUp func(),
) {
	defer feed.Close()
	if _, err := feed.Write(request); err != nil {
		return
	}
	for {
		select {
		case <-finished:
			return
		case b := <-control:
			_, _ = feed.Write([]byte{b}) // one that no longer reads has ended
		case <-ending:
			_, _ = feed.Write([]byte{frame.Kill})
			_ = feed.Close()
			select {
			case <-finished:
			case <-ctx.Done():
			case <-time.After(endTime):
				giveUp()
			}
			return
		}
	}
}

// purge kills everything in a box but its process 1, which does it itself.
func (m *Manager) purge(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	// A box that is gone has nothing to kill.
	_, _ = m.Engine.Client().ContainerKill(ctx, containerName(id), client.ContainerKillOptions{Signal: "SIGUSR1"})
}
