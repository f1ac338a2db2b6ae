package azure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/words"
)

// JobRun is one run of a job that is up. It has no stdin on Azure.
type JobRun struct {
	Plan *plan.Plan
	Job  string
	Args []string // replace the job's own where not nil
	Out  string   // folder that the outputs are brought to; empty: they stay in their share
	// Stdout gets what the job writes; the log stream does not tell stderr apart.
	Stdout io.Writer
}

// JobResult is how a run ended.
type JobResult struct {
	Execution         string // its name on Azure
	ExitCode          int
	Started, Finished time.Time
	Outputs           untar.Summary // what was brought back
}

// JobError is a run that did not come to an end of its own.
type JobError struct {
	Job, Problem, Mend string
}

func (e *JobError) Error() string { return fmt.Sprintf("job %q %s", e.Job, e.Problem) }

// Hint says how to mend it.
func (e *JobError) Hint() string { return e.Mend }

const (
	jobLook      = 2 * time.Second // between two looks at an execution, at most
	stopPatience = 30 * time.Second
)

// RunJob starts a job that is up, passes its log on, and returns how it ended.
// When ctx ends, the execution is stopped. Retries are Container Apps' own.
func (t *Target) RunJob(ctx context.Context, r JobRun) (JobResult, error) {
	spec := r.Plan.Spec()
	w, ok := r.Plan.Workload(r.Job)
	if !ok || w.Run == nil {
		return JobResult{}, fmt.Errorf("the plan has no job %q", r.Job)
	}
	path := ask.Job(t.group(spec), t.names(spec).Job(r.Job))
	job, err := t.upJob(ctx, r, path)
	if err != nil {
		return JobResult{}, err
	}
	var box *outbox
	if r.Out != "" {
		if box, err = t.outbox(ctx, r, w, path); err != nil {
			return JobResult{}, err
		}
	}
	started, err := t.Client.Post(ctx, path+"/start", ask.Apps, template(job, r))
	if err != nil {
		return JobResult{}, words.Wrap(fmt.Sprintf("start job %q", r.Job), err)
	}
	e := &execution{target: t, run: r, workload: w, job: path, name: ask.Text(started, "name"),
		environment: ask.Text(job, "properties", "environmentId")}
	if e.name == "" {
		e.name = ask.NameOf(ask.Text(started, "id"))
	}
	if e.name == "" {
		return JobResult{}, fmt.Errorf("job %q was started, but Azure did not say under which name: `envctl status -t azure` shows whether it runs", r.Job)
	}
	result, err := e.wait(ctx)
	var judged *JobError
	if box == nil || err != nil && !errors.As(err, &judged) {
		return result, err
	}
	var missed error // a job that was ended from outside has left something, too
	result.Outputs, missed = box.bring(ctx)
	return result, cmp.Or(err, missed)
}

// upJob is the job as it is deployed, which has to be what the plan says.
func (t *Target) upJob(ctx context.Context, r JobRun, path string) (ask.Object, error) {
	job, err := t.Client.Get(ctx, path, ask.Apps)
	if arm.IsNotFound(err) {
		return nil, &JobError{r.Job, "is not on Azure", "bring it up with `envctl up -t azure`"}
	}
	if err != nil {
		return nil, fmt.Errorf("ask for job %q: %w", r.Job, err)
	}
	if hash := ask.Tags(job)[target.TagPlan]; hash != "" && hash != r.Plan.WorkloadHash(r.Job) {
		return nil, &JobError{r.Job, "on Azure is another than the definition has now", "run `envctl up -t azure` first"}
	}
	return job, nil
}

// template is what replaces the job's own for one run: all of it, with other
// arguments. Without arguments nothing is replaced.
func template(job ask.Object, r JobRun) any {
	if r.Args == nil {
		return nil
	}
	replaced := func(list []ask.Object, change bool) []any {
		var out []any
		for _, c := range list {
			one := map[string]any{}
			for _, key := range []string{"name", "image", "command", "args", "env", "resources"} {
				if v, ok := c[key]; ok && v != nil {
					one[key] = v
				}
			}
			if change {
				args := make([]any, len(r.Args))
				for i, a := range r.Args {
					args[i] = a
				}
				one["args"] = args
			}
			out = append(out, one)
		}
		return out
	}
	own := ask.At(job, "properties", "template")
	out := map[string]any{"containers": replaced(ask.Items(own, "containers"), true)}
	if init := replaced(ask.Items(own, "initContainers"), false); init != nil {
		out["initContainers"] = init
	}
	return maps.Clone(out)
}

// execution is one run under way.
type execution struct {
	target      *Target
	run         JobRun
	workload    plan.Workload
	job, name   string
	environment string
	plain       bool // the detailed status cannot be had
}

func (e *execution) path() string { return ask.Below(e.job, "executions", e.name) }

// wait passes the log on until the execution has ended. When ctx ends first, the
// execution is stopped.
func (e *execution) wait(ctx context.Context) (JobResult, error) {
	logCtx, stopLog := context.WithCancel(ctx)
	logged := make(chan struct{})
	log := &jobLog{execution: e, out: e.run.Stdout}
	go func() {
		defer close(logged)
		log.follow(logCtx)
	}()
	result, state, err := e.untilEnd(ctx)
	if err != nil {
		stopLog()
		<-logged
		if ctx.Err() != nil {
			return result, errors.Join(context.Cause(ctx), e.stop(ctx))
		}
		return result, err
	}
	stopLog()
	<-logged
	if err := log.rest(ctx); err != nil {
		e.target.warn(fmt.Sprintf("the end of the log of job %q is missing: %v", e.run.Job, err))
	}
	return result, e.verdict(state, result)
}

// stop ends the execution although ctx has ended.
func (e *execution) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	_, err := e.target.Client.Post(ctx, e.path()+"/stop", ask.Apps, nil)
	if arm.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("execution %s of job %q may still run and cost: `az containerapp job stop` ends it: %w", e.name, e.run.Job, err)
	}
	return nil
}

// untilEnd looks at the execution until it has ended.
func (e *execution) untilEnd(ctx context.Context) (JobResult, ask.Object, error) {
	result := JobResult{Execution: e.name}
	for pause := firstLook; ; pause = min(2*pause, jobLook) {
		state, err := e.look(ctx)
		if err != nil {
			return result, nil, err
		}
		if ended(ask.Text(state, "properties", "status")) {
			result.Started, result.Finished = ask.Time(state, "properties", "startTime"), ask.Time(state, "properties", "endTime")
			result.ExitCode = exitCode(state, e.workload.Name)
			return result, state, nil
		}
		if err := e.target.wait(ctx, pause); err != nil {
			return result, nil, err
		}
	}
}

// ended says whether the status of an execution is an end.
func ended(status string) bool {
	return slices.Contains([]string{"Succeeded", "Failed", "Stopped", "Degraded"}, status)
}

// look asks for the execution with the exit status of its containers, which only a
// preview of the API has; where that is refused, without.
func (e *execution) look(ctx context.Context) (ask.Object, error) {
	if !e.plain {
		state, err := e.target.Client.Get(ctx, e.path(), ask.JobDetails)
		if err == nil || !arm.HasCode(err, "InvalidApiVersionParameter", "NoRegisteredProviderFound", "InvalidResourceType", "UnsupportedApiVersion") {
			return state, words.Wrap("follow job "+e.run.Job, err)
		}
		e.plain = true
	}
	state, err := e.target.Client.Get(ctx, e.path(), ask.Apps)
	return state, words.Wrap("follow job "+e.run.Job, err)
}

// exitCode is the exit status of the workload's container in its last replica: by
// number where Azure tells it, otherwise 1 for what failed.
func exitCode(state ask.Object, workload string) int {
	code := 1
	if ask.Text(state, "properties", "status") == "Succeeded" {
		return 0
	}
	for _, replica := range ask.Items(state, "properties", "detailedStatus", "replicas") {
		if c := container(replica, workload); c != nil {
			if n, ok := ask.Number(c, "code"); ok && n > 0 && n < 256 {
				code = int(n)
			}
		}
	}
	return code
}

// verdict is the error of a run that was ended from outside; a program that failed
// is none.
func (e *execution) verdict(state ask.Object, r JobResult) error {
	var said []string
	for _, replica := range ask.Items(state, "properties", "detailedStatus", "replicas") {
		for _, c := range ask.Items(replica, "containers") {
			said = append(said, ask.Text(c, "additionalInformation"), ask.Text(c, "status"))
		}
	}
	text := strings.Join(said, " ")
	limit := time.Duration(e.workload.Run.Timeout * float64(time.Second))
	f, _ := words.Of(text)
	switch status := ask.Text(state, "properties", "status"); {
	case status == "Succeeded":
		return nil
	case status == "Stopped":
		return &JobError{e.run.Job, "was stopped by somebody", "`envctl run` starts it again"}
	case strings.Contains(text, "DeadlineExceeded") || limit > 0 && r.Finished.Sub(r.Started) >= limit:
		return &JobError{e.run.Job, fmt.Sprintf("was stopped at its time limit of %s", limit), fmt.Sprintf("raise jobs.%s.timeout", e.run.Job)}
	case f.Kind == words.Memory || r.ExitCode == 137:
		return &JobError{e.run.Job, fmt.Sprintf("was killed at its memory limit of %d MiB", e.workload.Memory>>20), fmt.Sprintf("raise jobs.%s.memory", e.run.Job)}
	case f.Kind != "" && f.Kind != words.Unknown && f.Kind != words.Crash:
		return &JobError{e.run.Job, "did not run: " + f.What, f.Mend}
	}
	return nil
}
