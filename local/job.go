package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/sandbox"
)

// The labels of a job's container beside those of every object.
const (
	labelRun   = "dev.envctl.run"   // of one run
	labelOwner = "dev.envctl.owner" // process that waits for it, HOST/PID
)

// JobRun is one run of a job.
type JobRun struct {
	Plan    *plan.Plan
	Job     string
	Args    []string          // replace the job's own where not nil
	Secrets map[string]string // values by variable
	Out     string            // folder for the outputs; empty: they are dropped
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
func (t *Target) RunJob(ctx context.Context, r JobRun) (docker.RunResult, error) {
	w, ok := r.Plan.Workload(r.Job)
	if !ok || w.Run == nil {
		return docker.RunResult{}, fmt.Errorf("the plan has no job %q", r.Job)
	}
	if r.Args != nil {
		w.Args = r.Args
	}
	if w.Run.Outputs != "" && r.Out == "" {
		// The job writes to the folder all the same; what it writes is dropped.
		dropped, err := os.MkdirTemp("", "envctl-outputs-*")
		if err != nil {
			return docker.RunResult{}, err
		}
		defer func() { _ = os.RemoveAll(dropped) }()
		r.Out = dropped
	}
	if err := t.pruneJobs(ctx, r.Plan.Spec()); err != nil {
		return docker.RunResult{}, err
	}
	for attempt := 0; ; attempt++ {
		spec, err := t.runSpec(ctx, r, w)
		if err != nil {
			return docker.RunResult{}, err
		}
		res, err := t.Engine.Run(ctx, spec, r.Streams)
		if err != nil || res.ExitCode == 0 || attempt >= w.Run.Retries {
			return res, jobError(r.Job, w, res, err)
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
	networkName, err := t.jobNetwork(ctx, spec)
	if err != nil {
		return docker.RunSpec{}, err
	}
	labels := target.Labels(spec, "job", w.Name)
	labels[labelRun] = run
	if labels[labelOwner], err = owner(); err != nil {
		return docker.RunSpec{}, err
	}
	out := docker.RunSpec{
		Name:    target.ContainerName(spec.Experiment, spec.Instance, run),
		Timeout: time.Duration(w.Run.Timeout * float64(time.Second)),
		Grace:   2 * time.Second,
		Config: container.Config{
			Image: w.Image.Ref, Hostname: w.Name, Entrypoint: w.Command, Cmd: w.Args, Labels: labels,
			Env: jobEnv(spec, w, r.Plan.WorkloadHash(w.Name), run, r.Secrets),
		},
		Networking: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{networkName: {}}},
	}
	sandbox.New(sandbox.Job, w, networkName).Apply(&out.Config, &out.HostConfig)
	if w.Run.Outputs != "" {
		out.Outputs = &docker.OutputSpec{Path: w.Run.Outputs, UID: int(w.User), GID: int(w.User), To: r.Out}
	}
	return out, nil
}

// jobNetwork is the experiment's network where it is up, so that the job finds
// the apps it needs; a job that needs none runs without any.
func (t *Target) jobNetwork(ctx context.Context, spec plan.Spec) (string, error) {
	name := target.NetworkName(spec.Experiment, spec.Instance)
	drift, err := t.networkDrift(ctx, spec)
	if err != nil {
		return "", err
	}
	if len(drift) > 0 && drift[0].Got == "missing" {
		return "none", nil
	}
	return name, nil
}

func jobEnv(spec plan.Spec, w plan.Workload, hash, run string, secrets map[string]string) []string {
	env := target.Environ(spec, w, hash)
	env["CONTAINER_APP_JOB_EXECUTION_NAME"] = run
	maps.Copy(env, secrets)
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
