package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// settle is how long an app that nothing checks has to run until it counts as
// running: most programs that cannot start end sooner.
const settle = 500 * time.Millisecond

// replica is a container of an app, with all that the engine knows of it.
type replica struct {
	docker.Container
	state   container.State
	retries int // that the engine has had to make
	allowed int // that it makes
	created time.Time
	made    time.Time // when its latest run can have begun
	started time.Time
}

// Status implements [run.Runner].
func (r *Runner) Status(ctx context.Context, id string) (run.Status, error) {
	st, err := r.status(ctx, id)
	return st, wrap("state of "+last(id), err)
}

func (r *Runner) status(ctx context.Context, id string) (run.Status, error) {
	list, err := r.find(ctx, labelID, id)
	if err != nil {
		return run.Status{}, err
	}
	var replicas []replica
	var failed error
	for _, c := range list {
		switch kind := c.Labels[LabelKind]; kind {
		case kindApp, kindInit:
			got, ok, err := r.replica(ctx, c)
			if err != nil {
				return run.Status{}, err
			}
			switch {
			case ok && kind == kindApp:
				replicas = append(replicas, got)
			case ok && got.ended():
				failed = cmp.Or(failed, initEnd(c.Name, &got.state))
			}
		}
	}
	if len(replicas) == 0 {
		return r.statusOfNone(ctx, id)
	}
	slices.SortFunc(replicas, func(a, b replica) int { return cmp.Compare(index(a.Name), index(b.Name)) })
	return r.judge(ctx, id, replicas, failed)
}

// statusOfNone is the state of what has no container: a job that was applied has
// images.
func (r *Runner) statusOfNone(ctx context.Context, id string) (run.Status, error) {
	tags, err := r.tags(ctx, r.repositoriesOf("", "", r.repositoryName(id)))
	if err != nil || len(tags) == 0 {
		return run.Status{State: run.Gone}, err
	}
	return run.Status{State: run.Stopped}, nil
}

func (r *Runner) replica(ctx context.Context, c docker.Container) (replica, bool, error) {
	found, ok, err := r.engine.Inspect(ctx, c.ID)
	if err != nil || !ok || found.State == nil || found.HostConfig == nil {
		return replica{}, false, err
	}
	out := replica{
		Container: c, state: *found.State, retries: found.RestartCount, allowed: found.HostConfig.RestartPolicy.MaximumRetryCount,
	}
	// The year 1 where there is none; the engine's times are RFC 3339.
	out.created, _ = time.Parse(time.RFC3339Nano, found.Created)
	out.made = out.created
	out.started, _ = time.Parse(time.RFC3339Nano, found.State.StartedAt)
	if ended, _ := time.Parse(time.RFC3339Nano, found.State.FinishedAt); ended.After(out.made) {
		out.made = ended
	}
	// As exact as the time of an event.
	out.made = out.made.Truncate(time.Millisecond)
	return out, true, nil
}

// ended says whether its program has ended for good.
func (c replica) ended() bool {
	return !c.state.Running && !c.state.Restarting && (c.state.Status != container.StateCreated || c.state.Error != "")
}

// judge makes of containers, the gateway's word and init containers the state of an
// app.
func (r *Runner) judge(ctx context.Context, id string, replicas []replica, failed error) (run.Status, error) {
	labels := replicas[0].Labels
	gateways, err := r.find(ctx, labelEnvironment, labels[labelEnvironment], LabelKind, kindGateway)
	if err != nil {
		return run.Status{}, err
	}
	st := run.Status{Revision: labels[labelRevision], Address: address(gateways, id)}
	ready, verdict, err := r.ready(ctx, gateways, replicas)
	if err != nil {
		return run.Status{}, err
	}
	for _, c := range replicas {
		st.Replicas = append(st.Replicas, c.status(ready))
	}
	if f, ok := failed.(*failure); ok {
		verdict = run.Status{State: run.Failed, Reason: f.reason, Message: f.message}
	} else if labels[labelReplicas] == "0" {
		verdict = run.Status{State: run.Stopped}
	}
	st.State, st.Reason, st.Message = verdict.State, verdict.Reason, verdict.Message
	if st.State == run.Stopped {
		st.Replicas = nil
	}
	return st, nil
}

// ready says whether the app as a whole takes requests, or what keeps it from it.
func (r *Runner) ready(ctx context.Context, gateways []docker.Container, replicas []replica) (bool, run.Status, error) {
	for _, c := range replicas {
		if st := c.status(false); st.State != run.Running {
			return false, run.Status{State: st.State, Reason: c.reason(), Message: st.Message}, nil
		}
	}
	var front edge
	if err := json.Unmarshal([]byte(replicas[0].Labels[labelEdge]), &front); err != nil {
		return false, run.Status{}, fmt.Errorf("label %s of container %s cannot be read: %w", labelEdge, replicas[0].Name, err)
	}
	made, started := latest(replicas)
	if front.Probe == nil {
		if time.Since(started) < settle {
			return false, run.Status{State: run.Starting, Reason: "ContainerCreating", Message: "its program has just been started"}, nil
		}
		return true, run.Status{State: run.Running}, nil
	}
	said, ok, err := r.health(ctx, gateways, front.App)
	if err != nil {
		return false, run.Status{}, err
	}
	verdict, stale := judgeHealth(said, ok, made, started)
	if stale {
		err = r.wake(ctx, replicas[0].Labels[labelEnvironment], false)
	}
	return verdict.State == run.Running, verdict, err
}

// judgeHealth says what the gateway's latest word means for a run that began
// between made and started; stale: it is of another run.
func judgeHealth(said protocol.Event, ok bool, made, started time.Time) (verdict run.Status, stale bool) {
	waiting := run.Status{State: run.Starting, Reason: "ProbePending", Message: "its first check has not passed yet"}
	if !ok {
		return waiting, false // the gateway has just started
	}
	switch said.State {
	case protocol.StateHealthy:
		if said.Time.Before(made) {
			return waiting, true
		}
		return run.Status{State: run.Running}, false
	case protocol.StateUnhealthy, protocol.StateNeverUp:
		if said.Time.Before(started) {
			return waiting, true
		}
		message := "its check fails (" + said.Reason + ")"
		if said.State == protocol.StateNeverUp {
			message = "its check did not pass in the time it has to start (" + said.Reason + ")"
		}
		return run.Status{State: run.Failed, Reason: "ProbeFailure", Message: message}, false
	}
	if said.Reason != "" {
		waiting.Message += " (" + said.Reason + ")"
	}
	return waiting, false
}

// latest are the times of the replica that began last.
func latest(replicas []replica) (made, started time.Time) {
	for _, c := range replicas {
		if c.made.After(made) {
			made = c.made
		}
		if c.started.After(started) {
			started = c.started
		}
	}
	return made, started
}

// status is that of one replica; ready says how the app as a whole is.
func (c replica) status(ready bool) run.Replica {
	out := run.Replica{Name: c.Labels[labelReplica], Restarts: c.retries, Started: c.started.UTC()}
	switch {
	case c.state.Restarting:
		out.State, out.Message = run.Starting, fmt.Sprintf("its program ended with %s and is started again (%d of %d times)", ending(&c.state), c.retries, c.allowed)
	case c.state.Running && !c.state.Paused:
		out.State, out.Ready = run.Running, ready
	case c.state.Status == container.StateCreated && c.state.Error == "":
		out.State, out.Message, out.Started = run.Starting, "it waits for its start", time.Time{}
	case c.state.Paused:
		out.State, out.Message = run.Failed, "its container is paused"
	case c.state.ExitCode == 0:
		out.State, out.Message = run.Failed, "its program ended with status 0; the program of an app has to go on"
	default:
		out.State, out.Message = run.Failed, fmt.Sprintf("its program ended with %s, after %d restarts", ending(&c.state), c.retries)
	}
	return out
}

// reason is why a replica does not run, in the platform's word.
func (c replica) reason() string {
	switch {
	case c.state.OOMKilled:
		return "OOMKilled"
	case c.state.Status == container.StateCreated && c.state.Error != "",
		c.state.ExitCode == notFound, c.state.ExitCode == notExecutable:
		return "ContainerCreateFailure"
	case c.state.Status == container.StateCreated:
		return "ContainerCreating"
	case c.state.Restarting || c.retries > 0:
		return "CrashLoopBackOff"
	}
	return "ContainerTerminated"
}
