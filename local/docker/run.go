package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/local/docker/killed"
	"github.com/envctl/envctl/local/docker/untar"
)

// defaultGrace is what a program gets between SIGTERM and SIGKILL.
const defaultGrace = 10 * time.Second

// cleanTimeout bounds what must be done even when the context has ended.
const cleanTimeout = 30 * time.Second

// RunSpec is a container that is run once and is gone afterwards.
type RunSpec struct {
	Name       string // "": the engine makes one up
	Config     container.Config
	HostConfig container.HostConfig
	Networking *network.NetworkingConfig
	Timeout    time.Duration // then it is stopped; 0: none
	Grace      time.Duration // between SIGTERM and SIGKILL; 0: 10 s
	Inputs     *InputSpec    // nil: nothing is brought in
	Outputs    *OutputSpec   // nil: nothing is brought back
	Measure    bool          // what it takes is sampled while it runs
}

// RunResult is how a run ended.
type RunResult struct {
	ExitCode  int
	OOMKilled bool // the kernel killed it for its memory limit
	TimedOut  bool // it was stopped at its timeout
	Started   time.Time
	Finished  time.Time
	Outputs   untar.Summary // what was brought back
	Usage     Usage         // with RunSpec.Measure
}

// Run creates a container, copies its streams from the first byte on, waits for
// its end, brings its outputs back and removes it with its anonymous volumes,
// whatever happens. A program that fails is no error: see ExitCode. When ctx
// ends, the program gets SIGTERM, after Grace SIGKILL, and the error is the
// cause of ctx.
func (e *Engine) Run(ctx context.Context, spec RunSpec, s Streams) (res RunResult, err error) {
	id, err := e.createRun(ctx, spec, s.Stdin != nil)
	if err != nil {
		return RunResult{}, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		err = errors.Join(err, e.remove(ctx, id))
	}()
	conn, err := e.attach(ctx, id, spec, s.Stdin != nil)
	if err != nil {
		return RunResult{}, err
	}
	if res, err = e.runToEnd(ctx, id, spec, s, conn); err != nil {
		return res, err
	}
	if spec.Outputs != nil {
		res.Outputs, err = e.CopyOut(ctx, id, spec.Outputs.Path, spec.Outputs.To, spec.Outputs.Limits)
	}
	return res, err
}

// prepare fills and opens the folders of a container that does not run yet.
func (e *Engine) prepare(ctx context.Context, id string, spec RunSpec) error {
	group, ctx := errgroup.WithContext(ctx)
	if spec.Inputs != nil {
		group.Go(func() error { return e.copyIn(ctx, id, *spec.Inputs) })
	}
	if spec.Outputs != nil {
		group.Go(func() error { return e.prepareOutputs(ctx, id, spec) })
	}
	return group.Wait()
}

// attach opens the streams of a container that does not run yet, beside what prepares
// it.
func (e *Engine) attach(ctx context.Context, id string, spec RunSpec, stdin bool) (client.HijackedResponse, error) {
	prepared := make(chan error, 1)
	go func() { prepared <- e.prepare(ctx, id, spec) }()
	got, err := e.api.ContainerAttach(ctx, id, client.ContainerAttachOptions{Stream: true, Stdin: stdin, Stdout: true, Stderr: true})
	if failed := <-prepared; failed != nil {
		if err == nil {
			got.Close()
		}
		return client.HijackedResponse{}, failed
	}
	if err != nil {
		return client.HijackedResponse{}, fmt.Errorf("attach to the container: %w", err)
	}
	return got.HijackedResponse, nil
}

func (e *Engine) createRun(ctx context.Context, spec RunSpec, stdin bool) (string, error) {
	config, host := spec.Config, spec.HostConfig
	config.AttachStdout, config.AttachStderr = true, true
	config.AttachStdin, config.OpenStdin, config.StdinOnce = stdin, stdin, stdin
	host.AutoRemove = false // the result is read after the end
	host.Mounts = slices.Clone(host.Mounts)
	for _, folder := range spec.folders() {
		volume, err := folderVolume(folder, config.Labels)
		if err != nil {
			return "", err
		}
		host.Mounts = append(host.Mounts, volume)
	}
	var err error
	if config.Labels, err = e.overrule(ctx, config.Image, config.Labels); err != nil {
		return "", err
	}
	// A call that is cut off may make a container all the same, which nobody knows of.
	creating, created := linger(ctx, cleanTimeout)
	defer created()
	made, err := e.api.ContainerCreate(creating, client.ContainerCreateOptions{
		Name: spec.Name, Config: &config, HostConfig: &host, NetworkingConfig: spec.Networking,
	})
	if err != nil {
		return "", fmt.Errorf("create the container of image %q: %w", config.Image, err)
	}
	return made.ID, nil
}

// runToEnd starts the program, copies its streams and waits.
func (e *Engine) runToEnd(ctx context.Context, id string, spec RunSpec, s Streams, conn client.HijackedResponse) (RunResult, error) {
	// Output flows on while the program is being stopped.
	held, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	pumped := make(chan error, 1)
	ended := e.api.ContainerWait(held, id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	go func() { pumped <- s.pump(held, conn, spec.Config.Tty) }()

	// A start that is under way is let through, so that the program is asked to stop.
	starting, started := linger(ctx, cleanTimeout)
	_, err := e.api.ContainerStart(starting, id, client.ContainerStartOptions{})
	started()
	if err != nil {
		if ctx.Err() != nil {
			return RunResult{}, context.Cause(ctx)
		}
		return RunResult{}, fmt.Errorf("start %q: %w", append(spec.Config.Entrypoint, spec.Config.Cmd...), err)
	}
	usage := e.measure(held, id, spec.Measure)
	res, err := e.awaitEnd(ctx, id, spec, ended)
	res.Usage = usage()
	if err != nil {
		return res, err
	}
	// The engine closes the streams when the last byte is through.
	select {
	case err = <-pumped:
	case <-time.After(cleanTimeout):
		err = errors.New("the engine does not end the output of a program that has ended")
	}
	if ctx.Err() != nil {
		return res, context.Cause(ctx)
	}
	if err != nil {
		return res, fmt.Errorf("copy the program's output: %w", err)
	}
	return e.readEnd(ctx, id, res)
}

// linger returns a context that ends a while after ctx has.
func linger(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	held, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(while, cancel)
		context.AfterFunc(held, func() { timer.Stop() })
	})
	return held, func() { stop(); cancel() }
}

// awaitEnd waits for the program's end, and stops it at its timeout or when ctx
// ends.
func (e *Engine) awaitEnd(ctx context.Context, id string, spec RunSpec, ended client.ContainerWaitResult) (RunResult, error) {
	var timeout <-chan time.Time
	if spec.Timeout > 0 {
		timer := time.NewTimer(spec.Timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	var res RunResult
	for done := ctx.Done(); ; {
		select {
		case end := <-ended.Result:
			res.ExitCode = int(end.StatusCode)
			if end.Error != nil {
				return res, fmt.Errorf("wait for the program's end: %s", end.Error.Message)
			}
			return res, nil
		case err := <-ended.Error:
			return res, fmt.Errorf("wait for the program's end: %w", err)
		case <-timeout:
			res.TimedOut = true
		case <-done:
			done = nil
		}
		if err := e.stop(ctx, id, spec.Grace); err != nil {
			return res, err
		}
		timeout = nil
	}
}

// stop asks a program to end, and after the grace time makes it.
func (e *Engine) stop(ctx context.Context, id string, grace time.Duration) error {
	if grace <= 0 {
		grace = defaultGrace
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace+cleanTimeout)
	defer cancel()
	seconds := max(1, int(grace.Round(time.Second)/time.Second))
	if _, err := e.api.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &seconds}); err != nil {
		return fmt.Errorf("stop the container: %w", err)
	}
	return nil
}

func (e *Engine) readEnd(ctx context.Context, id string, res RunResult) (RunResult, error) {
	found, ok, err := e.Inspect(ctx, id)
	if err != nil {
		return res, err
	}
	if !ok || found.State == nil {
		return res, errors.New("the container was removed before its result was read")
	}
	// Both are RFC 3339; one that cannot be read stays zero.
	res.Started, _ = time.Parse(time.RFC3339Nano, found.State.StartedAt)
	res.Finished, _ = time.Parse(time.RFC3339Nano, found.State.FinishedAt)
	res.OOMKilled = !res.TimedOut && killed.ForMemory(ctx, e.api, found)
	return res, nil
}
