package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker/killed"
)

const (
	defaultWait = 60 * time.Second
	logTail     = 20 // lines of log in an error
	maxRestarts = 3  // restarts by policy while waiting, after which waiting ends
	healthPause = 100 * time.Millisecond
)

// settle waits until a started container is as the inputs ask: run to its end
// (attach), ready (wait), or at least running (mustRun).
func (h containers) settle(ctx context.Context, in containerInputs, live *container.InspectResponse) (*container.InspectResponse, error) {
	if in.Attach {
		return h.attach(ctx, in, live)
	}
	if !live.State.Running && (in.Wait || isTrue(in.MustRun)) && !in.Rm {
		return live, h.failure(ctx, *live, exitReason(h.howEnded(ctx, *live)))
	}
	if !in.Wait {
		return live, nil
	}
	timeout := time.Duration(in.WaitTimeout) * time.Second
	if timeout == 0 {
		timeout = defaultWait
	}
	ctx2, stop := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not ready after %v", timeout))
	defer stop()
	var err error
	switch {
	case live.Config.Labels[LabelReady] != "":
		err = h.waitReady(ctx2, *live)
	case live.State.Health == nil:
		return live, h.failure(ctx, *live, fmt.Sprintf("wait is true, but there is nothing to wait for: "+
			"neither the image nor the inputs have a healthcheck, and there is no label %s", LabelReady))
	default:
		err = h.waitHealthy(ctx2, *live)
	}
	if err == nil {
		return live, nil
	}
	if ctx.Err() != nil {
		return live, fmt.Errorf("wait for container %q: %w", in.Name, ctx.Err())
	}
	if ctx2.Err() != nil && errors.Is(err, ctx2.Err()) {
		err = context.Cause(ctx2)
	}
	now, ierr := h.inspect(ctx, live.ID, in.Name)
	if ierr != nil {
		now = live
	}
	return now, h.failure(ctx, *now, err.Error())
}

// waitReady calls Options.Ready and ends it when the container exits.
func (h containers) waitReady(ctx context.Context, live container.InspectResponse) error {
	if h.ready == nil {
		return fmt.Errorf("label %s is set, but this process has nothing that asks whether the app answers: Options.Ready is not set", LabelReady)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { stop(h.exits(ctx, live)) }()
	watcher := live.Config.Labels[LabelReady]
	go func() {
		select {
		case <-ctx.Done():
		case <-h.failed.of(watcher):
			stop(fmt.Errorf("container %q, which says when this one answers, could not be made", watcher))
		}
	}()
	err := h.ready(ctx, ContainerInfo{ID: live.ID, Name: strings.TrimPrefix(live.Name, "/"), Labels: live.Config.Labels})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// exits returns the reason once the container has stopped for good, or has been
// restarted by its policy too often; it returns nil when ctx ends.
func (h containers) exits(ctx context.Context, live container.InspectResponse) error {
	for {
		res := h.state.ContainerWait(ctx, live.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		select {
		case <-ctx.Done():
			return nil
		case err := <-res.Error:
			if ctx.Err() != nil {
				return nil
			}
			return explain(err, h.host, "watch the container")
		case <-res.Result:
		}
		now, err := h.inspect(ctx, live.ID, live.Name)
		if err != nil {
			return err
		}
		if !now.State.Running || now.RestartCount >= maxRestarts {
			return errors.New(exitReason(h.howEnded(ctx, *now)))
		}
	}
}

// waitHealthy polls the engine's verdict on the health check.
func (h containers) waitHealthy(ctx context.Context, live container.InspectResponse) error {
	for {
		now, err := h.inspect(ctx, live.ID, live.Name)
		if err != nil {
			return err
		}
		switch {
		case !now.State.Running || now.RestartCount >= maxRestarts:
			return errors.New(exitReason(h.howEnded(ctx, *now)))
		case now.State.Health == nil || now.State.Health.Status == container.Healthy:
			return nil
		case now.State.Health.Status == container.Unhealthy:
			return errors.New("the health check fails" + lastProbe(now.State.Health))
		}
		select {
		case <-ctx.Done():
			return errors.New(context.Cause(ctx).Error() + lastProbe(now.State.Health))
		case <-time.After(healthPause):
		}
	}
}

func lastProbe(health *container.Health) string {
	if health == nil || len(health.Log) == 0 {
		return ""
	}
	last := health.Log[len(health.Log)-1]
	return fmt.Sprintf("; the last check ended with %d: %q", last.ExitCode, strings.TrimSpace(last.Output))
}

// attach waits until the container has run to its end.
func (h containers) attach(ctx context.Context, in containerInputs, live *container.InspectResponse) (*container.InspectResponse, error) {
	if live.State.Running {
		res := h.state.ContainerWait(ctx, live.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		select {
		case err := <-res.Error:
			return live, explain(err, h.host, fmt.Sprintf("wait for the end of container %q", in.Name))
		case <-res.Result:
		}
		var err error
		if live, err = h.inspect(ctx, live.ID, in.Name); err != nil {
			return nil, err
		}
	}
	if live.State.ExitCode != 0 && isTrue(in.MustRun) {
		return live, h.failure(ctx, *live, exitReason(h.howEnded(ctx, *live)))
	}
	return live, nil
}

// howEnded is what the engine says of a container that has exited, once it can
// know whether the kernel killed it for its memory.
func (h containers) howEnded(ctx context.Context, live container.InspectResponse) container.InspectResponse {
	state := *live.State
	state.OOMKilled = state.OOMKilled || killed.ForMemory(ctx, h.state, live)
	live.State = &state
	return live
}

// exitReason says how a container that does not run any more has ended.
func exitReason(live container.InspectResponse) string {
	s := live.State
	text := fmt.Sprintf("it exited with status %d", s.ExitCode)
	if live.RestartCount > 0 {
		text = fmt.Sprintf("it exits again and again (%d restarts), last with status %d", live.RestartCount, s.ExitCode)
	}
	if s.OOMKilled {
		text += fmt.Sprintf(": it was killed because it needed more than its memory limit of %d MiB", live.HostConfig.Memory/mebi)
	}
	if s.Error != "" {
		text += ": " + s.Error
	}
	return text
}

// failure is the error of a container that did not come up, with the end of its
// log.
func (h containers) failure(ctx context.Context, live container.InspectResponse, reason string) error {
	name := strings.TrimPrefix(live.Name, "/")
	lines, err := h.log(ctx, live, strconv.Itoa(logTail))
	switch {
	case err != nil:
		return fmt.Errorf("container %q did not come up: %s (its log cannot be read: %v)", name, reason, err)
	case lines == "":
		return fmt.Errorf("container %q did not come up: %s (its log is empty)", name, reason)
	}
	return fmt.Errorf("container %q did not come up: %s; the end of its log:\n  %s", name, reason, strings.ReplaceAll(lines, "\n", "\n  "))
}

// log returns the last lines that the container wrote, both streams in order.
func (h containers) log(ctx context.Context, live container.InspectResponse, tail string) (string, error) {
	r, err := h.state.ContainerLogs(ctx, live.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: tail})
	if err != nil {
		return "", err
	}
	defer r.Close()
	var out bytes.Buffer
	if live.Config.Tty {
		_, err = io.Copy(&out, r)
	} else {
		_, err = stdcopy.StdCopy(&out, &out, r)
	}
	return strings.TrimRight(out.String(), "\r\n"), err
}
