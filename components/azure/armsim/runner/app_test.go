package runner_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/sandbox"
)

// An app answers at a URL of this machine, with its variables, and is hardened.
func TestAppAnswersAtAURL(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.app("api")
	spec.Container.Probes = []run.Probe{{Type: "Readiness", Path: "/healthz", Period: time.Second, Timeout: time.Second, FailureThreshold: 3}}
	spec.Container.Volumes = []run.Volume{{Name: "scratch", Path: "/tmp"}}
	spec.Container.Env = append(spec.Container.Env, run.KV{Name: "SECRET", Value: "s3cret", Secret: true})
	st := r.apply(spec, run.Running)
	if got := r.get(st, "/"); got != "hello from me\n" {
		t.Errorf("it answers %q", got)
	}
	env := r.get(st, "/env")
	for _, want := range []string{"WHO=me", "SECRET=s3cret", "CONTAINER_APP_REPLICA_NAME=api--r1-0"} {
		if !strings.Contains(env, want+"\n") {
			t.Errorf("its variables have no %s:\n%s", want, env)
		}
	}
	if len(st.Replicas) != 1 || !st.Replicas[0].Ready || st.Revision != "api--r1" {
		t.Errorf("status %+v, expected one ready replica of api--r1", st)
	}
	list := r.containers(spec.ID)
	if len(list) != 1 {
		t.Fatalf("%d containers, expected one", len(list))
	}
	got, _, err := r.engine.Inspect(t.Context(), list[0].ID)
	check(t, err)
	network := strings.TrimSuffix(list[0].Name, ".api.0")
	want := sandbox.New(sandbox.App, plan.Workload{User: plan.DefaultUser, CPU: 0.25, Memory: 64 << 20, Scratch: 32 << 20}, network)
	if d := sandbox.Verify(got, want); len(d) > 0 {
		t.Errorf("the app's container is not hardened: %v", d)
	}
	if strings.Contains(strings.Join(keys(list[0].Labels), ","), "s3cret") {
		t.Error("a label holds the secret")
	}
	again := r.apply(spec, run.Running)
	if now := r.containers(spec.ID); again.Address != st.Address || now[0].ID != list[0].ID {
		t.Errorf("the same once more: %+v and container %s, expected %+v and %s", again, now[0].ID, st, list[0].ID)
	}
}

func keys(labels map[string]string) []string {
	var out []string
	for k, v := range labels {
		out = append(out, k+"="+v)
	}
	return out
}

// Apps of one environment find each other by name; one comes and another goes, and
// the first keeps its address.
func TestAppsFindEachOther(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	api := r.apply(r.app("api"), run.Running)
	store := r.app("store")
	store.Ingress.External = false
	store.Container.Env = []run.KV{{Name: "WHO", Value: "store"}}
	if st := r.apply(store, run.Running); st.Address != "" {
		t.Errorf("an internal app has the address %s", st.Address)
	}
	if got := r.get(api, "/get?url=http://store/"); got != "hello from store\n" {
		t.Errorf("store answers %q", got)
	}
	check(t, r.run.Remove(t.Context(), store.ID))
	st, err := r.run.Status(t.Context(), store.ID)
	if err != nil || st.State != run.Gone {
		t.Errorf("after its removal: %+v, %v", st, err)
	}
	now, err := r.run.Status(t.Context(), r.app("api").ID)
	if err != nil || now.Address != api.Address {
		t.Errorf("api is at %s (%v), expected %s as before", now.Address, err, api.Address)
	}
	r.get(now, "/")
	check(t, r.run.Remove(t.Context(), r.app("api").ID))
	check(t, r.run.Remove(t.Context(), r.app("api").ID))
	check(t, r.run.Remove(t.Context(), r.environment))
	r.wantNothing(t.Context())
}

// A change of a variable, of the image and of the number of replicas.
func TestAppChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.app("api")
	first := r.apply(spec, run.Running)
	spec.Revision, spec.Container.Env = "api--r2", []run.KV{{Name: "WHO", Value: "you"}}
	st := r.apply(spec, run.Running)
	if got := r.get(st, "/"); got != "hello from you\n" || st.Address != first.Address || st.Revision != "api--r2" {
		t.Errorf("after the change: %q at %+v", got, st)
	}
	before := r.containers(spec.ID)[0].ImageID
	spec.Revision = "api--r3"
	spec.Container.Image.Digest = r.push(withLabel("second"))
	spec.Replicas = 2
	st = r.apply(spec, run.Running)
	list := r.containers(spec.ID)
	if len(list) != 2 || len(st.Replicas) != 2 || list[0].ImageID == before {
		t.Errorf("%d containers of image %s, status %+v; expected 2 of another image than %s", len(list), list[0].ImageID, st, before)
	}
	if _, ok, err := r.engine.ResolveImage(t.Context(), before); ok || err != nil {
		t.Errorf("the engine still has the image before: %v, %v", ok, err)
	}
	spec.Replicas = 0
	if st = r.apply(spec, run.Stopped); st.Address != first.Address {
		t.Errorf("stopped, it is at %s, expected %s", st.Address, first.Address)
	}
	spec.Replicas = 1
	r.get(r.apply(spec, run.Running), "/")
}

// What is wrong with an app is said in words, and is not an error.
func TestAppThatFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []struct {
		name, reason, message string
		change                func(*run.Spec)
	}{
		{"crash", "CrashLoopBackOff", "status 3, after 5 restarts", func(s *run.Spec) { s.Container.Args = []string{"exit", "3"} }},
		{"ends", "ContainerTerminated", "status 0", func(s *run.Spec) { s.Container.Args, s.Ingress = []string{"exit", "0"}, nil }},
		{"nofile", "ContainerCreateFailure", "does not exist", func(s *run.Spec) { s.Container.Command = []string{"/missing"} }},
		{"noimage", "ImagePullFailure", "sha256:0000", func(s *run.Spec) { s.Container.Image.Digest = "sha256:" + strings.Repeat("0", 64) }},
		{"outside", "ImagePullFailure", "docker pull", func(s *run.Spec) { s.Container.Image = run.Image{Ref: "example.invalid/x:1"} }},
		{"sick", "ProbeFailure", "GET /healthz: 500", func(s *run.Spec) {
			s.Container.Env = []run.KV{{Name: "HEALTH", Value: "500"}}
			s.Container.Probes = []run.Probe{{Type: "Startup", Path: "/healthz", Port: 8080, Period: time.Second, FailureThreshold: 6}} // the first may time out on a busy machine
		}},
		{"init", "InitContainerFailed", "status 4", func(s *run.Spec) {
			s.Init = []run.Container{s.Container}
			s.Init[0].Name, s.Init[0].Args = "before", []string{"exit", "4"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := *r
			r.tb = t
			spec := r.app(c.name)
			c.change(&spec)
			st := r.apply(spec, run.Failed)
			if st.Reason != c.reason || !strings.Contains(st.Message, c.message) {
				t.Errorf("%s: %s, expected %s and %q in it", st.Reason, st.Message, c.reason, c.message)
			}
		})
	}
}

// An init container runs to its end before the app.
func TestInitContainerRunsFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.app("api")
	spec.Init = []run.Container{r.container("sleep", "300ms")}
	spec.Init[0].Name = "ready"
	r.get(r.apply(spec, run.Running), "/")
	list := r.containers(spec.ID)
	if len(list) != 2 || list[1].ExitCode == nil || *list[1].ExitCode != 0 {
		t.Errorf("containers %+v, expected the app and an init container that ended", list)
	}
}

// An app that becomes unhealthy or crashes is seen, and one that comes back too.
func TestAppIsWatched(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.app("api")
	st := r.apply(spec, run.Running)
	if answer, err := http.Get("http://" + st.Address + "/crash"); err == nil {
		_ = answer.Body.Close()
	}
	// The engine starts it again.
	for range 100 {
		st, err := r.run.Status(t.Context(), spec.ID)
		check(t, err)
		if st.State == run.Running && st.Replicas[0].Restarts == 1 {
			r.get(st, "/")
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	st, err := r.run.Status(t.Context(), spec.ID)
	t.Errorf("it is %+v, %v; expected running after one restart", st, err)
}
