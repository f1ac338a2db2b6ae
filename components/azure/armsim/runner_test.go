package armsim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/run"
)

// runnerFake keeps what it was given; block makes Apply hang until its context ends.
type runnerFake struct {
	mu      sync.Mutex
	applied map[string]run.Spec
	removed []string
	jobs    map[string]run.Execution
	volumes map[string][]run.Volume // of the executions
	block   chan struct{}
	fail    string
}

func newRunner() *runnerFake {
	return &runnerFake{applied: map[string]run.Spec{}, jobs: map[string]run.Execution{}, volumes: map[string][]run.Volume{}}
}

func (f *runnerFake) Apply(ctx context.Context, spec run.Spec) (run.Status, error) {
	if f.block != nil {
		select {
		case f.block <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return run.Status{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != "" {
		return run.Status{State: run.Failed, Reason: "CrashLoopBackOff", Message: f.fail}, nil
	}
	f.applied[spec.ID] = spec
	return run.Status{State: run.Running, Address: "127.0.0.1:1234"}, nil
}

func (f *runnerFake) Remove(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.applied, id)
	f.removed = append(f.removed, id)
	return nil
}

func (f *runnerFake) Status(_ context.Context, id string) (run.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	spec, ok := f.applied[id]
	switch {
	case !ok:
		return run.Status{State: run.Gone}, nil
	case spec.Replicas == 0:
		return run.Status{State: run.Stopped}, nil
	}
	return run.Status{State: run.Running, Replicas: []run.Replica{{Name: "real-0", State: run.Running, Ready: true, Restarts: 2}}}, nil
}

func (f *runnerFake) Logs(_ context.Context, id string, _ bool, _ time.Time, w io.Writer) error {
	_, err := io.WriteString(w, "2026-01-01T00:00:00Z first of "+id[strings.LastIndexByte(id, '/')+1:]+"\nsecond\n")
	return err
}

func (f *runnerFake) Exec(_ context.Context, _ string, cmd []string, s run.IO) (int, error) {
	if cmd[0] == "nothing" {
		return 0, errors.New("no such program")
	}
	_, err := io.WriteString(s.Out, strings.Join(cmd, "|"))
	return len(cmd), err
}

func (f *runnerFake) StartJob(_ context.Context, spec run.Spec) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := "own-" + spec.Execution
	f.volumes[spec.Execution] = spec.Container.Volumes
	f.jobs[name] = run.Execution{Name: name, State: run.Failed, ExitCode: 3, Reason: strings.Join(spec.Container.Args, " "), Ended: time.Now()}
	return name, nil
}

func (f *runnerFake) JobStatus(_ context.Context, _, name string) (run.Execution, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.jobs[name]; ok {
		return e, nil
	}
	return run.Execution{State: run.Gone}, nil
}

func (f *runnerFake) StopJob(context.Context, string, string) error { return nil }

func (f *runnerFake) spec(id string) (run.Spec, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	spec, ok := f.applied[strings.ToLower(id)]
	return spec, ok
}

// running makes an app that runs.
func running(t *testing.T, o armsim.Options) (*client, object) {
	t.Helper()
	c := start(t, o)
	host, principal := c.ground()
	image := c.push(host, "exp/web")
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	return c, c.put(appPath, appBody(image, host))
}

func TestAppsAreRun(t *testing.T) {
	t.Parallel()
	fake := newRunner()
	c, app := running(t, armsim.Options{Runner: fake})
	if got := text(app, "properties", "configuration", "ingress", "fqdn"); got != "127.0.0.1:1234" {
		t.Errorf("the app answers at %s", got)
	}
	spec, _ := fake.spec(appPath)
	image := spec.Container.Image
	if image.Store == "" || !strings.HasPrefix(image.Digest, "sha256:") || image.Repository != "exp/web" || spec.Container.Memory != 512<<20 || spec.Tags["dev.envctl.experiment"] != "x" {
		t.Errorf("the spec is %+v", spec)
	}
	if !slices.Contains(spec.Container.Env, run.KV{Name: "KEY", Value: "s3cret", Secret: true}) || spec.Platform == nil {
		t.Errorf("the variables are %+v", spec.Container.Env)
	}
	revision := text(app, "properties", "latestRevisionName")
	replicas, err := c.get(appPath + "/revisions/" + revision + "/replicas")
	if err != nil || text(replicas["value"].([]any)[0], "name") != "real-0" {
		t.Fatalf("%v, %v", replicas, err)
	}
	c.post(appPath+"/stop", nil)
	eventually(t, func() bool { s, _ := fake.spec(appPath); return s.Replicas == 0 })
	got, err := c.get(appPath + "/revisions/" + revision)
	if err != nil || text(got, "properties", "runningState") != "Stopped" {
		t.Errorf("%v, %v", got, err)
	}
	c.post(appPath+"/start", nil)
	eventually(t, func() bool { s, _ := fake.spec(appPath); return s.Replicas == 1 })
	c.delete(group)
	if _, ok := fake.spec(appPath); ok {
		t.Error("the app still runs")
	}
	if last := fake.removed[len(fake.removed)-1]; last != strings.ToLower(envPath) {
		t.Errorf("removed %v, the environment is to be last", fake.removed)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come")
		}
	}
}

func TestCrashingAppFails(t *testing.T) {
	t.Parallel()
	fake := newRunner()
	fake.fail = "exit status 1"
	c := start(t, armsim.Options{Runner: fake})
	host, principal := c.ground()
	image := c.push(host, "exp/web")
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	_, err := c.poll(http.MethodPut, appPath, "2024-03-01", appBody(image, host))
	wantFailedOperation(t, err, "CrashLoopBackOff exit status 1")
}

// Logs, history and terminals, in the forms that Microsoft's command line reads
// (azure-cli, containerapp, _ssh_utils.py).
func TestConsole(t *testing.T) {
	t.Parallel()
	c, app := running(t, armsim.Options{Runner: newRunner()})
	revision := text(app, "properties", "latestRevisionName")
	replicas, err := c.get(appPath + "/revisions/" + revision + "/replicas")
	if err != nil {
		t.Fatal(err)
	}
	one := replicas["value"].([]any)[0].(object)["properties"].(object)["containers"].([]any)[0]
	token := text(c.post(appPath+"/getAuthToken", nil), "properties", "token")
	ask := func(token string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, text(one, "logStreamEndpoint")+"?follow=false&output=json", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(raw)
	}
	if status, body := ask(token); status != 200 || !strings.HasPrefix(body, `{"TimeStamp":"2026-01-01T00:00:00Z","Log":"first of web"}`+"\n") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := ask("wrong"); status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", status)
	}
	conn, _, err := websocket.Dial(t.Context(), text(one, "execEndpoint")+"?command="+url.QueryEscape(`sh -c "a b"`),
		&websocket.DialOptions{HTTPClient: c.http, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for _, want := range []string{"\x00\x01sh|-c|a b", "\x02command terminated with exit code 3"} {
		if _, data, err := conn.Read(t.Context()); err != nil || string(data) != want {
			t.Errorf("got %q, %v; want %q", data, err, want)
		}
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	fake := newRunner()
	c := start(t, armsim.Options{Runner: fake})
	c.ground()
	c.put(jobPath, object{"location": "swedencentral", "properties": object{
		"environmentId": envPath, "configuration": object{"triggerType": "Manual", "replicaTimeout": 60, "replicaRetryLimit": 0},
		"template": object{"containers": []any{object{"name": "load", "image": "public.example/x:1", "resources": object{"cpu": 0.25, "memory": "0.5Gi"}}}},
	}})
	started := c.post(jobPath+"/start", object{"containers": []any{object{"name": "load", "image": "public.example/x:1", "args": []any{"fast"}}}})
	execution := object{}
	eventually(t, func() bool {
		var err error
		execution, err = c.get(jobPath + "/executions/" + text(started, "name"))
		return err == nil && text(execution, "properties", "status") == "Failed"
	})
	detail := execution["properties"].(object)["detailedStatus"].(object)["replicas"].([]any)[0].(object)["containers"].([]any)[0]
	if text(detail, "name") != "load" || text(detail, "code") != "3" || text(detail, "additionalInformation") != "fast" {
		t.Errorf("the details are %v", detail)
	}
}

// A process that is killed while it starts an app leaves the work to the next one.
func TestWorkOfADeadProcessIsDoneAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stuck := newRunner()
	stuck.block = make(chan struct{}, 1)
	first := start(t, armsim.Options{Dir: dir, Runner: stuck})
	first.ground()
	if _, err := first.do(t.Context(), http.MethodPut, appPath, "2024-03-01", appBody("public.example/x:1", "public.example")); err != nil {
		t.Fatal(err)
	}
	<-stuck.block
	first.sim.Close()

	fake := newRunner()
	second := start(t, armsim.Options{Dir: dir, Runner: fake})
	eventually(t, func() bool {
		app, err := second.get(appPath)
		return err == nil && text(app, "properties", "provisioningState") == "Succeeded"
	})
	if _, ok := fake.spec(appPath); !ok {
		t.Error("it was not run")
	}
}

// Two processes of one folder: the one sees what the other did, logins of the one
// hold at the other, and a registry answers whichever of them is left.
func TestProcessesShareAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := start(t, armsim.Options{Dir: dir}), start(t, armsim.Options{Dir: dir})
	host, _ := first.ground()
	image := first.push(host, "exp/web")
	if _, err := second.get(registryPath); err != nil {
		t.Fatal(err)
	}
	first.sim.Close()
	first.http.CloseIdleConnections()
	if other := second.push(host, "exp/two"); other == image {
		t.Error("the same image twice")
	}
	second.delete(group)
	third := start(t, armsim.Options{Dir: dir})
	if left, err := third.sim.Leftovers(); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
