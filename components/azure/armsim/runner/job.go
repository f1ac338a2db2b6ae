package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
)

const (
	// pollJob is how often an execution is looked at that goes on behind the calls.
	pollJob = 200 * time.Millisecond
	// keepExecutions is how many that have ended are kept of a job.
	keepExecutions = 20
	// What is at the end of an execution's name in the engine says that it was
	// ended from outside, and why; a name can be changed, a label cannot.
	markStopped = "stopped"
	markTimeout = "timeout"
)

// StartJob implements [run.Jobs]. The execution is a row of containers, init
// containers first. Each look at it ([Runner.JobStatus]) takes it a step further, so
// it goes on in whatever process looks; this one does until it ends or [Runner.Close].
func (r *Runner) StartJob(ctx context.Context, spec run.Spec) (string, error) {
	if err := check(spec); err != nil {
		return "", err
	}
	// As Container Apps names them: the job and seven letters and digits.
	execution := spec.Name + "-" + strings.ToLower(rand.Text()[:7])
	p := r.environment(spec.Environment, spec.Tags)
	_, err := r.withImages(ctx, spec, func(images []loaded) error {
		err := r.placeJob(ctx, p, spec, images, execution)
		if err == nil {
			return nil
		}
		return errors.Join(err, r.dropExecution(ctx, spec.ID, execution))
	})
	if err != nil {
		return "", fmt.Errorf("start job %s: %w", spec.Name, err)
	}
	if err := r.attend(ctx, p, spec); err != nil {
		return "", fmt.Errorf("start job %s: %w", spec.Name, err)
	}
	if _, err := r.JobStatus(ctx, spec.ID, execution); err != nil {
		return "", err
	}
	r.behind.Add(1)
	go func() {
		defer r.behind.Done()
		r.follow(context.WithoutCancel(ctx), spec.ID, execution)
	}()
	return execution, r.forgetExecutions(ctx, spec.ID)
}

// dropExecution removes the containers of an execution that did not begin.
func (r *Runner) dropExecution(ctx context.Context, id, execution string) error {
	ctx = context.WithoutCancel(ctx)
	list, err := r.find(ctx, labelID, id, labelExecution, execution)
	for _, c := range list {
		err = errors.Join(err, r.drop(ctx, c.ID))
	}
	return err
}

// placeJob makes the containers of an execution.
func (r *Runner) placeJob(ctx context.Context, p place, spec run.Spec, images []loaded, execution string) error {
	unlock, err := r.lock(ctx, p.id)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.ensureGround(ctx, &p, spec); err != nil {
		return err
	}
	labels := with(r.owned(spec.Tags), labelEnvironment, p.id, labelID, spec.ID, LabelComponent, spec.Name,
		labelExecution, execution, labelTimeout, spec.Timeout.String())
	services := servicesOf(spec)
	if services != "" {
		labels[labelServices] = services
	}
	for i, c := range spec.Init {
		q := request{name: p.container(execution, kindInit, strconv.Itoa(i)), kind: kindInit, hostname: spec.Name, labels: labels, retries: initRetries}
		if err := r.create(ctx, runSpec(p, spec, q, c, images[i])); err != nil {
			return err
		}
	}
	q := request{
		name: p.container(execution), kind: kindJob, hostname: spec.Name, labels: labels, retries: spec.Retries,
		env: map[string]string{"CONTAINER_APP_JOB_EXECUTION_NAME": execution, "CONTAINER_APP_REPLICA_NAME": execution + "-0"},
	}
	kept := keptVolume(spec.Container)
	if kept.Folder != "" {
		q.outputs = kept.Path
		q.labels = with(labels, labelOutputs, kept.Path, labelFolder, kept.Folder)
	}
	main := images[len(images)-1]
	if err := r.create(ctx, runSpec(p, spec, q, spec.Container, main)); err != nil {
		return err
	}
	if kept.Folder != "" {
		if err := r.bringIn(ctx, q.name, kept, int(main.user)); err != nil {
			return err
		}
	}
	if services == "" {
		return nil
	}
	_, err = r.reconcile(ctx, p)
	return err
}

// follow takes an execution to its end.
func (r *Runner) follow(ctx context.Context, id, execution string) {
	for {
		select {
		case <-r.closed:
			return
		case <-time.After(pollJob):
		}
		// An engine that does not answer is asked again; whoever looks is told.
		e, err := r.JobStatus(ctx, id, execution)
		if err == nil && e.State != run.Running {
			return
		}
	}
}

// series is an execution as the engine has it.
type series struct {
	init []replica // in their order
	main replica
	mark string // why it was ended from outside; empty: it was not
}

// all are its containers, the first to run first.
func (s series) all() []replica { return append(slices.Clone(s.init), s.main) }

// series reads an execution; false: there is none, or not all of it was made.
func (r *Runner) series(ctx context.Context, id, execution string) (series, bool, error) {
	list, err := r.find(ctx, labelID, id, labelExecution, execution)
	if err != nil {
		return series{}, false, err
	}
	var out series
	ok := false
	for _, c := range list {
		got, there, err := r.replica(ctx, c)
		if err != nil {
			return series{}, false, err
		}
		_, rest, named := strings.Cut(c.Name, "."+execution)
		switch {
		case !there || !named: // a helper of the engine's client that made a folder
		case c.Labels[LabelKind] == kindInit:
			out.init = append(out.init, got)
		case c.Labels[LabelKind] == kindJob:
			out.main, out.mark, ok = got, strings.TrimPrefix(rest, "."), true
		}
	}
	slices.SortFunc(out.init, func(a, b replica) int { return index(a.Name) - index(b.Name) })
	return out, ok, nil
}

// JobStatus implements [run.Jobs].
func (r *Runner) JobStatus(ctx context.Context, id, execution string) (run.Execution, error) {
	e, err := r.advance(ctx, id, execution, "")
	return e, wrap("execution "+execution, err)
}

// StopJob implements [run.Jobs].
func (r *Runner) StopJob(ctx context.Context, id, execution string) error {
	_, err := r.advance(ctx, id, execution, markStopped)
	return wrap("stop execution "+execution, err)
}

// advance takes an execution as far as it can be taken now, and returns its state.
// With end it is ended, unless it has.
func (r *Runner) advance(ctx context.Context, id, execution, end string) (run.Execution, error) {
	unlock, err := r.lock(ctx, id+"/"+execution)
	if err != nil {
		return run.Execution{}, err
	}
	defer unlock()
	s, ok, err := r.series(ctx, id, execution)
	if err != nil || !ok {
		return run.Execution{Name: execution, State: run.Gone}, err
	}
	// The engine's own time of a start is of the latest try, and of a quick program
	// later than that of its end.
	out := run.Execution{Name: execution, State: run.Running, Started: s.all()[0].created.UTC()}
	done, err := r.step(ctx, s, &out)
	if err == nil && done {
		err = r.bringBack(ctx, s, execution)
	}
	if err != nil || done {
		return out, err
	}
	if timeout, err := time.ParseDuration(s.main.Labels[labelTimeout]); end == "" && s.mark == "" && err == nil && timeout > 0 &&
		time.Since(out.Started) > timeout {
		end = markTimeout
	}
	if s.mark == "" && end == "" {
		return out, nil
	}
	if out, err = r.finish(ctx, s, end, out); err != nil {
		return out, err
	}
	return out, r.bringBack(ctx, s, execution)
}

// step starts what is to run next, and says whether all has ended.
func (r *Runner) step(ctx context.Context, s series, out *run.Execution) (done bool, err error) {
	for i, c := range s.all() {
		switch {
		case c.ended() && i < len(s.init) && c.state.ExitCode == 0 && c.state.Error == "":
			continue
		case c.ended():
			s.end(out, c)
			return true, nil
		case c.state.Status != container.StateCreated || s.mark != "":
			return false, nil
		}
		err := r.start(ctx, c.ID)
		if f, ok := err.(*failure); ok { // the engine keeps it: the next look finds it ended
			out.State, out.Reason, out.Message, out.ExitCode, out.Ended = run.Failed, f.reason, f.message, 127, time.Now().UTC()
			return true, nil
		}
		return false, err
	}
	return true, nil
}

// end says how an execution ended, by the container that ended it.
func (s series) end(out *run.Execution, c replica) {
	out.ExitCode = c.state.ExitCode
	out.Ended, _ = time.Parse(time.RFC3339Nano, c.state.FinishedAt)
	isMain := c.ID == s.main.ID
	switch {
	case s.mark == markStopped:
		out.State, out.Reason, out.Message = run.Stopped, "Stopped", "it was stopped by request"
	case s.mark == markTimeout:
		out.State, out.Reason = run.Failed, "DeadlineExceeded"
		out.Message = "it was ended at its time limit of " + s.main.Labels[labelTimeout]
	case c.state.ExitCode == 0 && c.state.Error == "" && isMain:
		out.State = run.Succeeded
	case !isMain:
		out.State, out.Reason, out.Message = run.Failed, "InitContainerFailed", "an init container ended with "+ending(&c.state)
	default:
		out.State, out.Reason, out.Message = run.Failed, c.reason(), "its program ended with "+ending(&c.state)
		if c.retries > 0 {
			out.Reason, out.Message = "BackoffLimitExceeded", fmt.Sprintf("%s, after %d further tries", out.Message, c.retries)
		}
	}
}

// finish ends an execution from outside. It is marked first, so that a process that
// is killed in between leaves one that the next look ends.
func (r *Runner) finish(ctx context.Context, s series, end string, out run.Execution) (run.Execution, error) {
	if s.mark == "" {
		name := s.main.Name + "." + end
		if _, err := r.engine.Client().ContainerRename(ctx, s.main.ID, client.ContainerRenameOptions{NewName: name}); err != nil {
			return out, err
		}
		s.mark = end
	}
	seconds := int(grace / time.Second)
	for _, c := range s.all() {
		if !c.state.Running && !c.state.Restarting {
			continue
		}
		if _, err := r.engine.Client().ContainerStop(ctx, c.ID, client.ContainerStopOptions{Timeout: &seconds}); err != nil {
			return out, err
		}
	}
	last, ok, err := r.replica(ctx, s.main.Container)
	if err != nil || !ok {
		return run.Execution{Name: out.Name, State: run.Gone}, err
	}
	s.end(&out, last)
	if out.Ended.Year() < 1970 { // its program was never started
		out.Ended = time.Now().UTC()
	}
	return out, nil
}

// forgetExecutions removes the oldest of those that have ended.
func (r *Runner) forgetExecutions(ctx context.Context, id string) error {
	list, err := r.find(ctx, labelID, id, LabelKind, kindJob)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(c docker.Container) bool { return c.State != "exited" })
	slices.SortFunc(list, func(a, b docker.Container) int { return b.Created.Compare(a.Created) })
	for _, c := range list[min(len(list), keepExecutions):] {
		rest, err := r.find(ctx, labelID, id, labelExecution, c.Labels[labelExecution])
		if err != nil {
			return err
		}
		for _, c := range rest {
			if err := r.drop(ctx, c.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
