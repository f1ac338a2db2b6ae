package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is one timed run of a program.
type sample struct {
	Seconds float64 `json:"seconds"`
	// RSS is the peak resident memory of the process in bytes, as wait4 reports it.
	RSS int64 `json:"rss"`
	// CPU is the processor time of the process in seconds, its children's left out.
	CPU float64 `json:"cpu"`
}

// execute runs a command line to its end; stdout is returned for who wants it. A
// status other than 0 is an error with what it printed.
func execute(ctx context.Context, env, args []string) (sample, []byte, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	s := sample{Seconds: time.Since(began).Seconds()}
	if err != nil {
		return s, nil, errors.Join(fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes()), ctx.Err())
	}
	s.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.RSS = usage.Maxrss << 10 // Linux counts in KiB
	}
	return s, stdout.Bytes(), nil
}

// summary is what a series of samples comes to.
type summary struct {
	Runs   int     `json:"runs"`
	Median float64 `json:"median"` // seconds
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	RSS    int64   `json:"rss"` // bytes, the largest
	CPU    float64 `json:"cpu"` // seconds, the median
}

func summarize(samples []sample) summary {
	if len(samples) == 0 {
		return summary{}
	}
	sorted := slices.SortedFunc(slices.Values(samples), func(a, b sample) int { return cmp.Compare(a.Seconds, b.Seconds) })
	n := len(sorted)
	s := summary{
		Runs:   n,
		Median: (sorted[(n-1)/2].Seconds + sorted[n/2].Seconds) / 2,
		Min:    sorted[0].Seconds,
		Max:    sorted[n-1].Seconds,
	}
	times := make([]float64, 0, n)
	for _, x := range samples {
		s.RSS = max(s.RSS, x.RSS)
		times = append(times, x.CPU)
	}
	slices.Sort(times)
	s.CPU = (times[(n-1)/2] + times[n/2]) / 2
	return s
}
