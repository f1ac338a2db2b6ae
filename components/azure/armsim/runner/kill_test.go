package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/runner"
	"github.com/envctl/envctl/local/docker"
)

// helperEnv makes this program a process to be killed: its value is a helper.
const helperEnv = "ENVCTL_RUNNERTEST"

// helper is what such a process does.
type helper struct {
	Dir    string
	Specs  []run.Spec
	Remove bool
}

func TestMain(m *testing.M) {
	text := os.Getenv(helperEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := help(context.Background(), text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func help(ctx context.Context, text string) error {
	var h helper
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return err
	}
	engine, err := docker.Connect(ctx, "", os.Getenv)
	if err != nil {
		return err
	}
	r, err := runner.New(runner.Options{Engine: engine, Dir: h.Dir})
	if err != nil {
		return err
	}
	for _, s := range h.Specs {
		if h.Remove {
			err = r.Remove(ctx, s.ID)
		} else {
			_, err = r.Apply(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	if h.Remove {
		return r.Remove(ctx, h.Specs[0].Environment)
	}
	return nil
}

// killed runs a helper and kills it after a while.
func (r *rig) killed(h helper, after time.Duration) {
	r.tb.Helper()
	h.Dir = r.dir
	cmd := exec.CommandContext(r.tb.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+string(encode(r.tb, h)))
	var said strings.Builder
	cmd.Stderr = &said
	check(r.tb, cmd.Start())
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	if said.Len() > 0 {
		r.tb.Fatalf("the process failed by itself: %v: %s", err, said.String())
	}
}

// Whatever instant a process is killed at, the next one ends right: apps answer,
// and after their removal nothing is left.
func TestKilledAtAnyInstant(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	random := rand.New(rand.NewPCG(1, 2))
	specs := []run.Spec{r.app("api"), r.app("store")}
	for round := range 6 {
		specs[0].Revision = fmt.Sprintf("api--r%d", round)
		r.killed(helper{Specs: specs}, time.Duration(random.Int64N(int64(2500*time.Millisecond))))
		for _, s := range specs {
			r.get(r.apply(s, run.Running), "/")
		}
		if round%2 == 0 {
			continue
		}
		r.killed(helper{Specs: specs, Remove: true}, time.Duration(random.Int64N(int64(1500*time.Millisecond))))
		for _, s := range specs {
			check(t, r.run.Remove(t.Context(), s.ID))
		}
		check(t, r.run.Remove(t.Context(), r.environment))
		r.wantNothing(t.Context())
	}
}

// Several processes at the same time make one environment, and the same app.
func TestSeveralProcesses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	done := make(chan struct{})
	names := []string{"api", "store", "api"}
	for _, name := range names {
		go func() {
			defer func() { done <- struct{}{} }()
			st, err := r.another().Apply(t.Context(), r.app(name))
			if err != nil || st.State != run.Running {
				t.Errorf("%s: %+v, %v", name, st, err)
			}
		}()
	}
	for range names {
		<-done
	}
	for _, name := range []string{"api", "store"} {
		st, err := r.run.Status(t.Context(), r.app(name).ID)
		check(t, err)
		r.get(st, "/")
		if n := len(r.containers(r.app(name).ID)); n != 1 {
			t.Errorf("%d containers of %s", n, name)
		}
	}
}
