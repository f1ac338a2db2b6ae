package provider

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func wantInitFailed(t *testing.T, r *res, err error, parts ...string) {
	t.Helper()
	f := initFailed(err)
	if f == nil || r.id == "" {
		t.Fatalf("error %v is no init failure (id %q)", err, r.id)
	}
	for _, p := range parts {
		if !strings.Contains(f.Reasons[0], p) {
			t.Errorf("reason %q does not say %q", f.Reasons[0], p)
		}
	}
}

func TestContainerThatExitsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	in := with(b.in, "command", []any{"exit", "3"}, "wait", true, "labels", labels(b.exp, LabelReady, "http"))
	b.cont.srv = server(t, b.engine, func(o *Options) {
		o.Ready = func(ctx context.Context, _ ContainerInfo) error {
			<-ctx.Done()
			return ctx.Err()
		}
	})
	began := time.Now()
	err := b.cont.create(in)
	wantInitFailed(t, b.cont, err, "status 3", "line 29", "line 10\n")
	if strings.Contains(err.Error(), "line 9\n") {
		t.Error("more than the last 20 lines are shown")
	}
	if time.Since(began) > 30*time.Second {
		t.Error("it waited for the timeout")
	}
	if !b.cont.refresh() || !hasDiff(b.cont.diff(in), "start") {
		t.Error("refresh does not see that it is down")
	}
	wantInitFailed(t, b.cont, b.cont.update(in), "status 3")
}

// TestContainerWhoseWatcherFailed: nobody is left to say that it answers.
func TestContainerWhoseWatcherFailed(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	watcher := b.exp + ".watcher"
	b.cont.srv = server(t, b.engine, func(o *Options) {
		o.Ready = func(ctx context.Context, _ ContainerInfo) error {
			<-ctx.Done()
			return ctx.Err()
		}
	})
	other := *b.cont
	missing := "sha256:" + strings.Repeat("0", 64)
	if err := other.create(with(b.in, "name", watcher, "image", missing)); err == nil {
		t.Fatal("a container of an image that does not exist was made")
	}
	began := time.Now()
	err := b.cont.create(with(b.in, "wait", true, "waitTimeout", 120, "labels", labels(b.exp, LabelReady, watcher)))
	wantInitFailed(t, b.cont, err, watcher, "could not be made")
	if time.Since(began) > time.Minute {
		t.Error("it waited for the timeout")
	}
}

func TestContainerReady(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	in := with(b.in, "wait", true, "waitTimeout", 2, "labels", labels(b.exp, LabelReady, "http"))
	var info ContainerInfo
	answers := make(chan error, 2)
	b.cont.srv = server(t, b.engine, func(o *Options) {
		o.Ready = func(ctx context.Context, c ContainerInfo) error {
			info = c
			select {
			case err := <-answers:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	wantInitFailed(t, b.cont, b.cont.create(in), "not ready after 2s", "its log is empty")
	if info.ID != b.cont.id || info.Name != b.exp+".app" || info.Labels[LabelReady] != "http" {
		t.Errorf("Ready got %+v", info)
	}
	_, err := b.cont.srv.Read(t.Context(), readRequest(b.cont))
	if f := initFailed(err); f == nil || !strings.Contains(f.Reasons[0], "not ready after 2s") {
		t.Errorf("a refresh forgets that it never was ready: %v", err)
	}
	answers <- errors.New("GET / says 500")
	wantInitFailed(t, b.cont, b.cont.update(in), "GET / says 500")
	answers <- nil
	must(t, b.cont.update(in))
	if !b.cont.refresh() {
		t.Error("gone")
	}
	if d := b.cont.diff(in); len(d.Diffs) > 0 {
		t.Error(d.DetailedDiff)
	}
}

func TestContainerHealthcheck(t *testing.T) {
	t.Parallel()
	check := obj{"tests": []any{"CMD", "/probe", "health", "/tmp/up"}, "interval": "100ms", "retries": 2, "timeout": "5s"}
	t.Run("healthy", func(t *testing.T) {
		t.Parallel()
		b := newBox(t, "command", []any{"touch", "/tmp/up"}, "wait", true, "healthcheck", check, "tmpfs", obj{"/tmp": "mode=1777"})
		b.cont.mustCreate(b.in)
		if s := b.inspect(t).State.Health.Status; s != "healthy" {
			t.Error(s)
		}
		b.cont.refresh()
		if d := b.cont.diff(b.in); len(d.Diffs) > 0 {
			t.Error(d.DetailedDiff)
		}
	})
	t.Run("unhealthy", func(t *testing.T) {
		t.Parallel()
		b := newBox(t, "wait", true, "healthcheck", check)
		wantInitFailed(t, b.cont, b.cont.create(b.in), "health check fails", "not yet: /tmp/up")
		_, err := b.cont.srv.Read(t.Context(), readRequest(b.cont))
		if initFailed(err) == nil {
			t.Errorf("a refresh takes an unhealthy container for well: %v", err)
		}
	})
	t.Run("nothing to wait for", func(t *testing.T) {
		t.Parallel()
		b := newBox(t, "wait", true)
		wantInitFailed(t, b.cont, b.cont.create(b.in), "nothing to wait for", LabelReady)
	})
}

func TestContainerOutOfMemory(t *testing.T) {
	t.Parallel()
	b := newBox(t, "command", []any{"eat", "64"}, "attach", true)
	wantInitFailed(t, b.cont, b.cont.create(b.in), "memory limit of 32 MiB")
}

// A secret in the environment is secret in the outputs and is not in an error,
// even where the app writes it to its log.
func TestContainerSecrets(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	in := resource.NewPropertyMapFromMap(with(b.in, "command", []any{"env", "TOKEN"}, "attach", true, "logs", true, "init", false))
	in["envs"] = resource.NewProperty([]resource.PropertyValue{resource.MakeSecret(resource.NewProperty("TOKEN=hunter2222"))})
	must(t, b.cont.createMap(in))
	if !unmarshal(t, b.cont.state)["envs"].ContainsSecrets() {
		t.Error("envs is not secret in the outputs of create")
	}
	if log := unmarshal(t, b.cont.state)["containerLogs"]; !log.IsSecret() || b.cont.out("containerLogs") != "hunter2222" {
		t.Errorf("containerLogs, which holds the secret: %v", log)
	}
	b.cont.refresh()
	if !unmarshal(t, b.cont.state)["envs"].ContainsSecrets() || !unmarshal(t, b.cont.inputs)["envs"].ContainsSecrets() {
		t.Error("envs is not secret after refresh")
	}
	in["command"] = resource.NewPropertyValue([]any{"env", "TOKEN"})
	in["attach"], in["logs"] = resource.NewProperty(false), resource.NewProperty(false)
	in["wait"] = resource.NewProperty(true) // for a check that it does not live to see
	in["healthcheck"] = resource.NewPropertyValue(obj{"tests": []any{"CMD", "/nothing"}, "interval": "30s"})
	in["name"] = resource.NewProperty(b.exp + ".other")
	other := resourceOf(t, b.cont.srv, "Container", "other")
	err := other.createMap(in)
	wantInitFailed(t, other, err, "[secret]")
	if strings.Contains(err.Error()+other.state.String(), "did not come up: hunter2222") || strings.Contains(err.Error(), "hunter2222") {
		t.Errorf("the secret is in the error: %v", err)
	}
}

func TestContainerAttach(t *testing.T) {
	t.Parallel()
	b := newBox(t, "command", []any{"exit", "0"}, "attach", true, "logs", true)
	b.cont.mustCreate(b.in)
	if got := b.cont.out("containerLogs"); !strings.HasPrefix(got.(string), "line 0\nline 1\n") {
		t.Errorf("containerLogs %q", got)
	}
	b.cont.refresh()
	if d := b.cont.diff(b.in); len(d.Diffs) > 0 || b.cont.out("containerLogs") == nil {
		t.Errorf("one that ran to its end is drift: %v", d.DetailedDiff)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	in := with(b.in, "networksAdvanced", nil, "ports", []any{obj{"internal": 80, "external": port, "ip": "127.0.0.1"}})
	err = b.cont.create(in)
	wantInitFailed(t, b.cont, err, "port "+l.Addr().String()+" is in use")
	l.Close()
	must(t, b.cont.update(in))
	if !b.inspect(t).State.Running {
		t.Error("update did not start it")
	}
}

func TestCancelEndsWaiting(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	waiting := make(chan struct{})
	b.cont.srv = server(t, b.engine, func(o *Options) {
		o.Ready = func(ctx context.Context, _ ContainerInfo) error {
			close(waiting)
			<-ctx.Done()
			return ctx.Err()
		}
	})
	go func() {
		<-waiting
		_, _ = b.cont.srv.Cancel(context.Background(), nil)
	}()
	began := time.Now()
	err := b.cont.create(with(b.in, "wait", true, "labels", labels(b.exp, LabelReady, "http")))
	wantInitFailed(t, b.cont, err, "canceled")
	if time.Since(began) > 20*time.Second {
		t.Error("cancel did not end it")
	}
	if _, err := b.ContainerInspect(t.Context(), b.cont.id, client.ContainerInspectOptions{}); err != nil {
		t.Errorf("the state has an id that is not there: %v", err)
	}
}
