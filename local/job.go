package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/owner"
	"github.com/envctl/envctl/local/sandbox"
)

// labelRun is the label of one run of a job, beside [owner.Label] and those of
// every object.
const labelRun = "dev.envctl.run"

// JobRun is one run of a job.
type JobRun struct {
	Plan    *plan.Plan
	Job     string
	Args    []string          // replace the job's own where not nil
	Secrets map[string]string // values by variable
	// Ground are the secrets of the experiment's ground; without the gateway's key the
	// job has no identity.
	Ground  map[string]string
	Out     string // folder for the outputs; empty: they are dropped
	Streams docker.Streams
}

// JobError is a job that was ended from outside.
type JobError struct {
	Job     string
	Problem string
	Mend    string
}

func (e *JobError) Error() string { return fmt.Sprintf("job %q %s", e.Job, e.Problem) }

// Hint says how to mend it.
func (e *JobError) Hint() string { return e.Mend }

// RunJob runs a job to its end, again while it fails and has retries, and
// returns how the last run ended. Its container is gone afterwards, whatever
// happens.
func (t *Target) RunJob(ctx context.Context, r JobRun) (JobEnd, error) {
	w, ok := r.Plan.Workload(r.Job)
	if !ok || w.Run == nil {
		return JobEnd{}, fmt.Errorf("the plan has no job %q", r.Job)
	}
	if r.Args != nil {
		w.Args = r.Args
	}
	if w.Run.Outputs != "" && r.Out == "" {
		// The job writes to the folder all the same; what it writes is dropped.
		dropped, err := os.MkdirTemp("", "envctl-outputs-*")
		if err != nil {
			return JobEnd{}, err
		}
		defer func() { _ = os.RemoveAll(dropped) }()
		r.Out = dropped
	}
	if err := t.pruneJobs(ctx, r.Plan.Spec()); err != nil {
		return JobEnd{}, err
	}
	seen := t.watchEgress(ctx, r.Plan.Spec(), w)
	end, err := t.attempts(ctx, r, w, seen)
	seen.read(ctx, &end)
	return end, err
}

// attempts runs a job until it ends well or has no retries left.
func (t *Target) attempts(ctx context.Context, r JobRun, w plan.Workload, seen *egressSeen) (end JobEnd, err error) {
	for attempt := 0; ; attempt++ {
		spec, err := t.runSpec(ctx, r, w)
		if err != nil {
			return end, err
		}
		end = endOf(spec, attempt+1)
		end.RunResult, err = t.Engine.Run(ctx, spec, r.Streams)
		seen.from(end.Started)
		if err != nil || end.ExitCode == 0 || attempt >= w.Run.Retries {
			return end, jobError(r.Job, w, end.RunResult, err)
		}
	}
}

func jobError(job string, w plan.Workload, res docker.RunResult, err error) error {
	switch {
	case err != nil:
		return err
	case res.TimedOut:
		return &JobError{job, fmt.Sprintf("was stopped at its time limit of %s", time.Duration(w.Run.Timeout*float64(time.Second))),
			fmt.Sprintf("raise jobs.%s.timeout", job)}
	case res.OOMKilled:
		return &JobError{job, fmt.Sprintf("was killed at its memory limit of %d MiB", w.Memory>>20),
			fmt.Sprintf("raise jobs.%s.memory", job)}
	}
	return nil
}

func (t *Target) runSpec(ctx context.Context, r JobRun, w plan.Workload) (docker.RunSpec, error) {
	spec := r.Plan.Spec()
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return docker.RunSpec{}, err
	}
	run := w.Name + "-" + hex.EncodeToString(id)
	networkName, subnet, err := t.jobNetwork(ctx, spec, w)
	if err != nil {
		return docker.RunSpec{}, err
	}
	labels := target.ContainerLabels(spec, "job", w.Name)
	labels[labelRun] = run
	self, err := owner.Self()
	if err != nil {
		return docker.RunSpec{}, err
	}
	labels[owner.Label] = self.String()
	out := docker.RunSpec{
		Name:    target.ContainerName(spec.Experiment, spec.Instance, run),
		Timeout: time.Duration(w.Run.Timeout * float64(time.Second)),
		Grace:   2 * time.Second,
		Measure: true,
		Config: container.Config{
			Image: w.Image.Ref, Hostname: w.Name, Entrypoint: w.Command, Cmd: w.Args, Labels: labels,
			Env: jobEnv(spec, w, r.Plan.WorkloadHash(w.Name), run, r.Secrets, r.Ground[target.GatewayKey]),
		},
		Networking: endpoint(networkName, w.Name),
	}
	isolated, err := t.choose(ctx, spec, true)
	if err != nil {
		return docker.RunSpec{}, err
	}
	profile := jobProfile(spec, w, networkName, subnet)
	profile.Runtime = isolated.Runtime
	profile.Apply(&out.Config, &out.HostConfig)
	if w.Run.Outputs != "" {
		out.Outputs = &docker.OutputSpec{Path: w.Run.Outputs, UID: int(w.User), GID: int(w.User), To: r.Out}
	}
	return out, nil
}

// noNetwork is the engine's name for a container without one.
const noNetwork = "none"

// jobNetwork is the experiment's network where it is up, so that the job finds the
// apps it needs and the gateway; a job that needs neither runs without any.
func (t *Target) jobNetwork(ctx context.Context, spec plan.Spec, w plan.Workload) (string, netip.Prefix, error) {
	ground, err := t.ownNetwork(ctx, spec)
	if err != nil {
		return "", netip.Prefix{}, err
	}
	if ground == nil {
		if len(w.Egress)+len(w.Models)+len(w.Needs) > 0 {
			return "", netip.Prefix{}, &JobError{w.Name, "has egress, models or needs, which are there while the experiment is up", "bring it up first: envctl up"}
		}
		return noNetwork, netip.Prefix{}, nil
	}
	return target.NetworkName(spec.Experiment, spec.Instance), rangeOf(ground), nil
}

// jobProfile is the hardening of a job's container on a network.
func jobProfile(spec plan.Spec, w plan.Workload, networkName string, subnet netip.Prefix) sandbox.Profile {
	profile := target.Profile(spec, w, subnet)
	profile.Networks = []string{networkName}
	if networkName == noNetwork {
		profile.Hosts = nil
	}
	return profile
}

// endpoint attaches a job's container by the name that the gateway knows it by.
func endpoint(networkName, job string) *network.NetworkingConfig {
	settings := &network.EndpointSettings{}
	if networkName != noNetwork {
		settings.Aliases = []string{gateway.Replicas(job)}
	}
	return &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{networkName: settings}}
}

func jobEnv(spec plan.Spec, w plan.Workload, hash, run string, secrets map[string]string, key string) []string {
	env := target.Environ(spec, w, hash)
	env["CONTAINER_APP_JOB_EXECUTION_NAME"] = run
	maps.Copy(env, secrets)
	if key != "" {
		env[gateway.HeaderVariable] = protocol.IdentityHeader(key, w.Name)
	}
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
