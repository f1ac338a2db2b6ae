package runner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/runner"
)

// finish waits for the end of an execution, in as many steps as a caller takes.
func (r *rig) finish(by *runner.Runner, spec run.Spec, execution string) run.Execution {
	r.tb.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		e, err := by.JobStatus(r.tb.Context(), spec.ID, execution)
		check(r.tb, err)
		if e.State != run.Running {
			return e
		}
		if time.Now().After(deadline) {
			r.tb.Fatalf("%s does not end: %+v", execution, e)
		}
	}
}

func (r *rig) startJob(spec run.Spec) string {
	r.tb.Helper()
	r.apply(spec, run.Stopped)
	execution, err := r.run.StartJob(r.tb.Context(), spec)
	check(r.tb, err)
	if !strings.HasPrefix(execution, spec.Name+"-") {
		r.tb.Errorf("execution %q of %q", execution, spec.Name)
	}
	return execution
}

func TestJobEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []struct {
		name, state, reason string
		code                int
		args                []string
		change              func(*run.Spec)
	}{
		{"good", run.Succeeded, "", 0, []string{"env", "CONTAINER_APP_JOB_EXECUTION_NAME"}, nil},
		{"bad", run.Failed, "ContainerTerminated", 7, []string{"exit", "7"}, nil},
		{"again", run.Failed, "BackoffLimitExceeded", 7, []string{"exit", "7"}, func(s *run.Spec) { s.Retries = 2 }},
		{"long", run.Failed, "DeadlineExceeded", 143, []string{"sleep", "1h"}, func(s *run.Spec) { s.Timeout = time.Second }},
		{"noinit", run.Failed, "InitContainerFailed", 0, []string{"exit", "0"}, func(s *run.Spec) {
			s.Init = []run.Container{s.Container}
			s.Init[0].Name, s.Init[0].Args = "before", []string{"exit", "5"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := *r
			r.tb = t
			spec := r.job(c.name, c.args...)
			if c.change != nil {
				c.change(&spec)
			}
			execution := r.startJob(spec)
			e := r.finish(r.run, spec, execution)
			if e.State != c.state || e.Reason != c.reason || c.code != 0 && e.ExitCode != c.code || e.Ended.Before(e.Started) || e.Started.Year() < 2000 {
				t.Errorf("it ended as %+v, expected %s %s with %d", e, c.state, c.reason, c.code)
			}
			var out strings.Builder
			check(t, r.run.Logs(t.Context(), spec.ID+"/executions/"+execution, true, time.Time{}, &out))
			if c.name == "good" && out.String() != execution+"\n" {
				t.Errorf("it wrote %q, expected the execution's name", out.String())
			}
			if tries := strings.Count(out.String(), "about to exit"); c.name == "again" && tries != 3 {
				t.Errorf("it ran %d times, expected 3", tries)
			}
			check(t, r.run.Remove(t.Context(), spec.ID))
			if e, err := r.run.JobStatus(t.Context(), spec.ID, execution); err != nil || e.State != run.Gone {
				t.Errorf("after its removal: %+v, %v", e, err)
			}
		})
	}
}

func TestJobIsStopped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.job("slow", "sleep", "1h")
	execution := r.startJob(spec)
	check(t, r.run.StopJob(t.Context(), spec.ID, execution))
	if e := r.finish(r.run, spec, execution); e.State != run.Stopped {
		t.Errorf("it ended as %+v, expected %s", e, run.Stopped)
	}
}

// What a job writes to its folder is brought back.
func TestJobOutputs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.job("writer", "write", "/out/result.txt", "42")
	spec.Container.Volumes = []run.Volume{{Name: "scratch", Path: "/tmp"}, {Name: "outputs", Path: "/out"}}
	execution := r.startJob(spec)
	if e := r.finish(r.run, spec, execution); e.State != run.Succeeded {
		t.Fatalf("it ended as %+v", e)
	}
	dir := filepath.Join(t.TempDir(), "out")
	_, err := r.run.Outputs(t.Context(), spec.ID, execution, dir)
	check(t, err)
	if got, err := os.ReadFile(filepath.Join(dir, "result.txt")); err != nil || string(got) != "42" {
		t.Errorf("the output is %q, %v", got, err)
	}
}

// The process that started a job is gone; another takes it to its end.
func TestJobIsTakenOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.job("orphan", "env", "WHO")
	spec.Init = []run.Container{r.container("sleep", "500ms")}
	spec.Init[0].Name = "before"
	first := r.another()
	_, err := first.Apply(t.Context(), spec)
	check(t, err)
	execution, err := first.StartJob(t.Context(), spec)
	check(t, err)
	check(t, first.Close())
	if e := r.finish(r.run, spec, execution); e.State != run.Succeeded {
		t.Errorf("it ended as %+v", e)
	}
}
