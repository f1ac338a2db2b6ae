package dockerrun

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/sandbox"
)

// noNetwork is the engine's name for it: there is a loopback interface, and
// nothing else.
const noNetwork = "none"

// Run implements [oneshot.Runner].
func (r *Runner) Run(ctx context.Context, p oneshot.Program, s oneshot.Streams) (ended oneshot.Ended, err error) {
	engine, err := r.connect(ctx)
	if err != nil {
		return oneshot.Ended{}, err
	}
	isolated, err := r.has.choose(ctx, engine, p.Isolation)
	if err != nil {
		return oneshot.Ended{}, err
	}
	labels, err := labels(p.ID, p.Expires)
	if err != nil {
		return oneshot.Ended{}, err
	}
	where := place{network: noNetwork}
	if p.Index != nil || len(p.Egress) > 0 {
		if where, err = r.ground(ctx, engine, p, labels); err != nil {
			return oneshot.Ended{}, err
		}
		defer func() { err = cmp.Or(err, where.remove()) }()
	}
	if p.Live != "" && isolated.level != isolation.GVisor {
		// gVisor cuts a write to a pipe of the host short when the pipe is full, and Python
		// drops the rest where it does not buffer.
		p.Env = append([]string{p.Live}, p.Env...)
	}
	res, err := engine.Run(ctx, runSpec(p, labels, where, isolated.request), docker.Streams(s))
	tried, triedErr := where.tried(ctx, engine)
	under := oneshot.Isolation{Level: isolated.level, Runtime: isolated.runtime, Network: where.network}
	return oneshot.Ended{
		ExitCode: res.ExitCode, OOMKilled: res.OOMKilled, TimedOut: res.TimedOut, Started: res.Started, Finished: res.Finished,
		Usage: oneshot.Usage(res.Usage), Isolation: under, Files: res.Outputs, Egress: tried,
	}, cmp.Or(err, triedErr)
}

// place is the network of a program, and what leads out of it.
type place struct {
	network string
	client  string   // what the gateway calls the program
	hosts   []string // name:address
	env     []string
	gateway string // its container, where it tells what the program tried; empty: none does
	remove  func() error
}

// runSpec is the container of a program. Nothing in it comes from the labels of an
// image: they are whatever the image's maker wrote.
func runSpec(p oneshot.Program, labels map[string]string, where place, runtime string) docker.RunSpec {
	id := strconv.Itoa(p.UID)
	spec := docker.RunSpec{
		Name: "envctl-run." + p.ID, Timeout: p.Timeout, Grace: p.Grace, Measure: true,
		Config: container.Config{
			Image: p.Image.Ref, Hostname: "run", Entrypoint: p.Command, Cmd: p.Args, Labels: labels,
			WorkingDir: p.WorkDir, Env: append(p.Env, where.env...),
			// A check of its health would run beside the program and is no use to a run.
			Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		},
	}
	w := plan.Workload{Kind: plan.Job, User: int64(p.UID), CPU: p.CPU, Memory: p.Memory, Scratch: p.Scratch}
	profile := sandbox.New(sandbox.Job, w, where.network)
	profile.Runtime = runtime
	// The output is read as it comes and kept elsewhere; the engine need not keep it.
	profile.LogDriver, profile.LogOpts = "none", nil
	limits := p.OutLimits
	if limits.Bytes == 0 {
		limits.Bytes = untar.DefaultBytes
	}
	// What is more than can be brought back need not be written.
	profile.Ulimits = append(profile.Ulimits, sandbox.Ulimit{Name: "fsize", Value: limits.Bytes})
	if p.Out == "" {
		profile.Tmpfs = withFolder(profile.Tmpfs, oneshot.OutDir, fmt.Sprintf("rw,exec,nosuid,nodev,mode=0700,uid=%s,gid=%s,size=%d", id, id, max(p.Scratch, 1<<20)))
	} else {
		spec.Outputs = &docker.OutputSpec{Path: oneshot.OutDir, UID: p.UID, GID: p.UID, To: p.Out, Limits: p.OutLimits}
	}
	for _, folder := range p.Image.Volumes {
		// The engine would make a volume of no bound for it.
		if folder != oneshot.InDir && folder != oneshot.OutDir && folder != "/tmp" {
			profile.Tmpfs = withFolder(profile.Tmpfs, folder, sandbox.TmpfsOptions(max(p.Scratch, 1<<20)))
		}
	}
	profile.Apply(&spec.Config, &spec.HostConfig)
	spec.HostConfig.ExtraHosts = where.hosts
	if where.network != noNetwork {
		spec.Networking = where.endpoint()
	}
	if p.In != nil {
		spec.Inputs = &docker.InputSpec{Path: oneshot.InDir, Write: p.In}
	}
	return spec
}

func withFolder(tmpfs map[string]string, folder, options string) map[string]string {
	out := map[string]string{folder: options}
	for k, v := range tmpfs {
		out[k] = v
	}
	return out
}

// endpoint is how the gateway finds the program that it works for.
func (w place) endpoint() *network.NetworkingConfig {
	return &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
		w.network: {Aliases: []string{w.client}},
	}}
}
