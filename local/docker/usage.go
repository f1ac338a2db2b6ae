package docker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Usage is what a container took, as far as it was sampled.
type Usage struct {
	// PeakMemory is in bytes: the kernel's own peak where the engine tells it
	// (cgroup v1), else the largest sample.
	PeakMemory int64
	CPUSeconds float64 // at the last sample
	Samples    int
}

// The first sample is taken after firstSample, so that a program that ends at once
// costs none; the time between two doubles up to slowest.
const (
	firstSample = 100 * time.Millisecond
	slowest     = time.Second
)

// measure samples a container that has started until what it returns is called,
// which gives the result. Where it is not wanted, nothing is sampled.
func (e *Engine) measure(ctx context.Context, id string, wanted bool) func() Usage {
	if !wanted {
		return func() Usage { return Usage{} }
	}
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan Usage, 1)
	go func() {
		var u Usage
		for wait := firstSample; ; wait = min(2*wait, slowest) {
			select {
			case <-ctx.Done():
				result <- u
				return
			case <-time.After(wait):
				e.sample(ctx, id, &u)
			}
		}
	}()
	return func() Usage {
		cancel()
		return <-result
	}
}

// sample adds one sample. One that cannot be had is none: the program may have
// ended just now.
func (e *Engine) sample(ctx context.Context, id string, u *Usage) {
	answer, err := e.api.ContainerStats(ctx, id, client.ContainerStatsOptions{})
	if err != nil {
		return
	}
	defer func() { _ = answer.Body.Close() }()
	var s container.StatsResponse
	if json.NewDecoder(answer.Body).Decode(&s) != nil {
		return
	}
	memory := max(s.MemoryStats.Usage, s.MemoryStats.MaxUsage)
	if memory == 0 && s.CPUStats.CPUUsage.TotalUsage == 0 {
		return // of a container that does not run
	}
	u.Samples++
	u.PeakMemory = max(u.PeakMemory, int64(memory))
	u.CPUSeconds = max(u.CPUSeconds, float64(s.CPUStats.CPUUsage.TotalUsage)/1e9)
}
