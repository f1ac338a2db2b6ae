package containment

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/sandbox"
)

// resources makes the attempts that use something up, each in a sandbox of its own.
func (s *suite) resources(ctx context.Context) error {
	for _, part := range []func(context.Context) error{s.forkBomb, s.eatMemory, s.floodLog, s.outlive} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end is how a sandbox ended.
type end struct {
	docker.RunResult
	out string
}

func (s *suite) run(ctx context.Context, spec docker.RunSpec) (end, error) {
	var out bytes.Buffer
	result, err := s.engine.Run(ctx, spec, docker.Streams{Stdout: &out, Stderr: &out})
	return end{result, out.String()}, err
}

// last is the last number of some output, a line each.
func last(out string) int {
	n := 0
	for line := range strings.Lines(out) {
		if v, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			n = v
		}
	}
	return n
}

// responsive is how long the engine may take to answer while a sandbox makes
// processes. An idle one takes milliseconds, a host without processes or processor
// time for it much longer.
const responsive = 5 * time.Second

// forkBomb watches the host while processes are made.
func (s *suite) forkBomb(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	var slowest time.Duration
	var watch sync.WaitGroup
	watch.Go(func() {
		for watching.Err() == nil {
			start := time.Now()
			_, err := s.engine.Client().Ping(ctx, client.PingOptions{})
			if took := time.Since(start); err == nil && took > slowest {
				slowest = took
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	ended, err := s.run(ctx, s.sandboxed(sandbox.Job, s.world.inside, attempt.ModeForks))
	stop()
	watch.Wait()
	if err != nil {
		return err
	}
	n := last(ended.out)
	detail := fmt.Sprintf("stopped at %d processes of %d; the engine answered within %d ms", n, sandbox.PidsLimit, slowest.Milliseconds())
	outcome := Blocked
	if n > sandbox.PidsLimit && s.level == "container" || n >= 4096 || slowest > responsive || ended.TimedOut {
		outcome = Escaped
	}
	s.tell("fork-bomb", outcome, detail, "")
	return nil
}

func (s *suite) eatMemory(ctx context.Context) error {
	spec := s.sandboxed(sandbox.Job, s.world.inside, attempt.ModeMemory)
	ended, err := s.run(ctx, spec)
	if err != nil {
		return err
	}
	n, limit := last(ended.out), int(spec.HostConfig.Memory>>20)
	outcome := Blocked
	if n > limit || ended.ExitCode == 0 || ended.TimedOut {
		outcome = Escaped
	}
	s.tell("memory", outcome, fmt.Sprintf("ended with status %d after %d of %d MiB", ended.ExitCode, n, limit), "")
	return nil
}

const (
	floodSize = 96 // MiB that are printed
	logCap    = 30 // MiB that three files of the profile's log may have
)

// counter counts bytes.
type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

// floodLog prints more than a log may have, and reads what was kept.
func (s *suite) floodLog(ctx context.Context) error {
	spec := s.sandboxed(sandbox.Job, s.world.inside, attempt.ModeFlood, strconv.Itoa(floodSize))
	id, err := s.engine.Create(ctx, spec)
	if err != nil {
		return err
	}
	api := s.engine.Client()
	if _, err := api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, spec.Timeout)
	defer cancel()
	wait := api.ContainerWait(bounded, id, client.ContainerWaitOptions{Condition: "not-running"})
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		return fmt.Errorf("wait for the end of a flood of its log: %w", err)
	}
	var kept counter
	if err := s.engine.Logs(ctx, id, docker.LogOptions{Tail: -1}, &kept, io.Discard); err != nil {
		return fmt.Errorf("read what was kept of a flood: %w", err)
	}
	outcome := Blocked
	if kept > (logCap+2)<<20 {
		outcome = Escaped
	}
	_, err = api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true})
	s.tell("log-flood", outcome, fmt.Sprintf("of %d MiB, %d MiB are kept", floodSize, kept>>20), "")
	return err
}

// outlive gives a program that ignores signals two seconds, and one to end.
func (s *suite) outlive(ctx context.Context) error {
	spec := s.sandboxed(sandbox.Job, s.world.inside, attempt.ModeOutlive)
	spec.Timeout, spec.Grace = 2*time.Second, time.Second
	const slack = 20 * time.Second
	start := time.Now()
	ended, err := s.run(ctx, spec)
	if err != nil {
		return err
	}
	took, outcome := time.Since(start), Blocked
	if !ended.TimedOut || took > spec.Timeout+spec.Grace+slack {
		outcome = Escaped
	}
	s.tell("time-limit", outcome, fmt.Sprintf("killed after %.1f s; the limit is %.0f s, and %.0f s to end", took.Seconds(), spec.Timeout.Seconds(), spec.Grace.Seconds()), "")
	return nil
}
