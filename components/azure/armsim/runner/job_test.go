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
			if stamp, text, _ := strings.Cut(out.String(), " "); c.name == "good" && (text != execution+"\n" || !isTime(stamp)) {
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

func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
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

// A job finds in its folder what is kept there, and what it leaves is kept once: what
// is removed afterwards does not come back.
func TestJobFolder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	folder := filepath.Join(t.TempDir(), "share", "writer")
	run1 := func(args ...string) (run.Spec, string) {
		spec := r.job("writer", args...)
		spec.Container.Volumes = []run.Volume{{Name: "scratch", Path: "/tmp"}, {Name: "outputs", Path: "/out", Folder: folder}}
		execution := r.startJob(spec)
		r.finish(r.run, spec, execution)
		return spec, execution
	}
	run1("write", "/out/result.txt", "42")
	got, err := os.ReadFile(filepath.Join(folder, "result.txt"))
	if err != nil || string(got) != "42" {
		t.Fatalf("the output is %q, %v", got, err)
	}
	spec, execution := run1("write", "/out/more.txt", "43")
	for name, want := range map[string]string{"result.txt": "42", "more.txt": "43"} {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != want {
			t.Errorf("after a second execution %s is %q, %v", name, got, err)
		}
	}
	check(t, os.Remove(filepath.Join(folder, "more.txt")))
	if e, err := r.another().JobStatus(t.Context(), spec.ID, execution); err != nil || e.State != run.Succeeded {
		t.Errorf("%+v, %v", e, err)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) != 1 {
		t.Errorf("what was removed is there again: %v, %v", list, err)
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
