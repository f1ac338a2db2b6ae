package docker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// start runs the tool in a container that stays.
func start(t *testing.T, e *docker.Engine, own map[string]string, name string, tty bool, args ...string) string {
	t.Helper()
	img := toolImage(t, e, own)
	made, err := e.Client().ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name:       name,
		Config:     &container.Config{Image: img.ID, Cmd: args, Labels: own, User: "1000", Tty: tty},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Client().ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

func TestInfo(t *testing.T) {
	t.Parallel()
	info, err := engine(t).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Version == "" || info.API == "" || info.MemoryBytes == 0 || info.RootDir == "" || info.CgroupVersion == 0 ||
		len(info.Runtimes) == 0 || info.OSType != "linux" {
		t.Errorf("%+v", info)
	}
}

func TestContainersAndInspect(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	name := "envctl-dockertest." + own[dockertest.Label]
	id := start(t, e, own, name, false, "exit", "5")
	wait := e.Client().ContainerWait(t.Context(), id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		t.Fatal(err)
	}
	start(t, e, own, name+".b", false, "sleep", "60")
	all, err := e.Containers(t.Context(), docker.Filter{Labels: own})
	if err != nil || len(all) != 2 || all[0].Name != name || all[0].State != "exited" || all[0].ExitCode == nil || *all[0].ExitCode != 5 ||
		all[1].State != "running" || all[1].ExitCode != nil {
		t.Errorf("%+v %v", all, err)
	}
	// A name is matched as a whole and not as a pattern.
	if one, err := e.Containers(t.Context(), docker.Filter{Name: name}); err != nil || len(one) != 1 {
		t.Errorf("by name: %+v %v", one, err)
	}
	if run, err := e.Containers(t.Context(), docker.Filter{Labels: map[string]string{dockertest.Label: own[dockertest.Label]}, Running: true}); err != nil || len(run) != 1 {
		t.Errorf("running: %+v %v", run, err)
	}
	found, ok, err := e.Inspect(t.Context(), name)
	if err != nil || !ok || found.ID != id || found.State.ExitCode != 5 {
		t.Errorf("%+v %v %v", found, ok, err)
	}
	if _, ok, err := e.Inspect(t.Context(), name+".none"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	id := start(t, e, own, "", false, "say", "one", "two")
	var out, errOut bytes.Buffer
	if err := e.Logs(t.Context(), id, docker.LogOptions{Follow: true, Timestamps: true}, &out, &errOut); err != nil {
		t.Fatal(err)
	}
	stamp, line, _ := strings.Cut(out.String(), " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil || line != "one\n" || !strings.HasSuffix(errOut.String(), " two\n") {
		t.Errorf("%q %q %v", out.String(), errOut.String(), err)
	}
	out.Reset()
	if err := e.Logs(t.Context(), id, docker.LogOptions{Since: at.Add(time.Second)}, &out, &out); err != nil || out.Len() > 0 {
		t.Errorf("since: %q %v", out.String(), err)
	}
	id = start(t, e, own, "", false, "lines", "100")
	if err := e.Logs(t.Context(), id, docker.LogOptions{Follow: true}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := e.Logs(t.Context(), id, docker.LogOptions{Tail: 2}, &out, &out); err != nil || out.String() != "line 99\nline 100\n" {
		t.Errorf("tail: %q %v", out.String(), err)
	}
	out.Reset()
	id = start(t, e, own, "", true, "say", "a", "b")
	if err := e.Logs(t.Context(), id, docker.LogOptions{Follow: true}, &out, io.Discard); err != nil || out.String() != "a\r\nb\r\n" {
		t.Errorf("terminal: %q %v", out.String(), err)
	}
	if err := e.Logs(t.Context(), "envctl-dockertest-none", docker.LogOptions{}, io.Discard, io.Discard); err == nil {
		t.Error("the log of no container was read")
	}
}

func TestLogsFollowStopsWithItsContext(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	id := start(t, e, own, "", false, "sleep", "60")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("seen enough")
	err := e.Logs(ctx, id, docker.LogOptions{Follow: true}, writerFunc(func(p []byte) (int, error) {
		cancel(why)
		return len(p), nil
	}), io.Discard)
	if !errors.Is(err, why) {
		t.Errorf("error = %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestExec(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	id := start(t, e, own, "", false, "sleep", "60")
	run := func(o docker.ExecOptions) (string, string, int) {
		t.Helper()
		var out, errOut bytes.Buffer
		o.Stdout, o.Stderr = &out, &errOut
		code, err := e.Exec(t.Context(), id, o)
		if err != nil {
			t.Fatal(err)
		}
		return out.String(), errOut.String(), code
	}
	if out, errOut, code := run(docker.ExecOptions{Cmd: []string{"/tool", "fail", "bad"}}); out != "about to fail\n" || errOut != "bad\n" || code != 3 {
		t.Errorf("%q %q %d", out, errOut, code)
	}
	in := strings.Repeat("x", 300_000)
	if out, _, code := run(docker.ExecOptions{Cmd: []string{"/tool", "copy"}, Streams: docker.Streams{Stdin: strings.NewReader(in)}}); out != in || code != 0 {
		t.Errorf("%d bytes of %d, %d", len(out), len(in), code)
	}
	if out, _, _ := run(docker.ExecOptions{Cmd: []string{"/tool", "pwd"}, User: "1234", WorkDir: "/etc"}); out != "/etc 1234\n" {
		t.Errorf("%q", out)
	}
	if out, _, _ := run(docker.ExecOptions{Cmd: []string{"/tool", "env", "A"}, Env: []string{"A=b c"}}); out != "b c\n" {
		t.Errorf("%q", out)
	}
	sizes := make(chan docker.Size, 1)
	sizes <- docker.Size{Width: 123, Height: 45}
	if out, _, _ := run(docker.ExecOptions{Cmd: []string{"/tool", "winsize"}, TTY: true, Resize: sizes}); out != "123x45\r\n" {
		t.Errorf("%q", out)
	}
	if _, _, code := run(docker.ExecOptions{Cmd: []string{"/nothing"}}); code != 126 && code != 127 {
		t.Errorf("a command that is not there ended with %d", code)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := e.Exec(ctx, id, docker.ExecOptions{Cmd: []string{"/tool", "sleep", "60"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	if _, err := e.Exec(t.Context(), "envctl-dockertest-none", docker.ExecOptions{Cmd: []string{"x"}}); err == nil || !strings.Contains(err.Error(), "there is no container") {
		t.Errorf("error = %v", err)
	}
	id = start(t, e, own, "", false, "exit", "0")
	for range 100 {
		if c, _, _ := e.Inspect(t.Context(), id); !c.State.Running {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := e.Exec(t.Context(), id, docker.ExecOptions{Cmd: []string{"x"}}); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("error = %v", err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	name := "envctl-dockertest." + own[dockertest.Label]
	other := map[string]string{dockertest.Label: own[dockertest.Label] + "-other"}
	made, err := e.Client().NetworkCreate(t.Context(), name, client.NetworkCreateOptions{Labels: own, Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	for volume, l := range map[string]map[string]string{name: own, name + "-other": other} {
		if _, err := e.Client().VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: volume, Labels: l}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if _, err := e.Sweep(context.Background(), other, docker.SweepOptions{}); err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		id := start(t, e, own, "", false, "sleep", "600", "stubborn")
		if _, err := e.Client().NetworkDisconnect(t.Context(), "none", client.NetworkDisconnectOptions{Container: id}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Client().NetworkConnect(t.Context(), made.ID, client.NetworkConnectOptions{Container: id, EndpointConfig: &network.EndpointSettings{}}); err != nil {
			t.Fatal(err)
		}
	}
	left, err := e.Leftovers(t.Context(), own)
	if err != nil || len(left.Containers) != 3 || len(left.Networks) != 1 || len(left.Volumes) != 1 || len(left.Images) != 1 || left.Count() != 6 {
		t.Fatalf("%+v %v", left, err)
	}
	gone, err := e.Sweep(t.Context(), own, docker.SweepOptions{KeepImages: true, KeepVolumes: true})
	if err != nil || len(gone.Containers) != 3 || len(gone.Networks) != 1 || gone.Count() != 4 {
		t.Fatalf("%+v %v", gone, err)
	}
	// Several sweeps at once all end well and leave nothing.
	start(t, e, own, "", false, "sleep", "600", "stubborn")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := e.Sweep(t.Context(), own, docker.SweepOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if left, err := e.Leftovers(t.Context(), own); err != nil || left.Count() != 0 {
		t.Errorf("left over: %+v %v", left, err)
	}
	if left, err := e.Leftovers(t.Context(), other); err != nil || left.Count() != 1 {
		t.Errorf("somebody else's: %+v %v", left, err)
	}
	if _, err := e.Sweep(t.Context(), nil, docker.SweepOptions{}); err == nil {
		t.Error("a sweep without labels was done")
	}
}

// A network that somebody else's container holds stays, and the error says who.
func TestSweepNamesWhoHoldsANetwork(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	other := labels(t, e)
	name := "envctl-dockertest." + own[dockertest.Label]
	made, err := e.Client().NetworkCreate(t.Context(), name, client.NetworkCreateOptions{Labels: own, Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	img := toolImage(t, e, other)
	holder, err := e.Client().ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name: name + ".holder", Config: &container.Config{Image: img.ID, Cmd: []string{"sleep", "60"}, Labels: other},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(made.ID)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Client().ContainerStart(t.Context(), holder.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = e.Sweep(t.Context(), own, docker.SweepOptions{})
	if err == nil || !strings.Contains(err.Error(), name+".holder") {
		t.Errorf("error = %v", err)
	}
	if _, err := e.Sweep(t.Context(), other, docker.SweepOptions{}); err != nil {
		t.Error(err)
	}
}

// noSuchHost are the answers for a name that cannot be: without any network, the
// engine cannot even ask.
var noSuchHost = []docker.PullReason{docker.PullNoSuchHost, docker.PullUnreachable}

func TestPullWithoutRegistry(t *testing.T) {
	t.Parallel()
	e := engine(t)
	for ref, want := range map[string][]docker.PullReason{
		"registry.invalid/a/b:1": noSuchHost,
		"127.0.0.1:1/a/b:1":      {docker.PullUnreachable},
		"Not A Reference":        {docker.PullInvalid},
	} {
		_, err := e.Pull(t.Context(), ref, nil)
		var pull *docker.PullError
		if !errors.As(err, &pull) || pull.Ref != ref || !slices.Contains(want, pull.Reason) {
			t.Errorf("%s: %v, want %s", ref, err, want)
		}
	}
}

func TestLoadImage(t *testing.T) {
	t.Parallel()
	e := engine(t)
	own := labels(t, e)
	img := toolImage(t, e, own)
	saved, err := e.Client().ImageSave(t.Context(), []string{dockertest.Tag(own)})
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	archive, err := io.ReadAll(saved)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Sweep(t.Context(), own, docker.SweepOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := e.ResolveImage(t.Context(), img.ID); ok || err != nil {
		t.Fatalf("the image stays: %v", err)
	}
	loaded, err := e.LoadImage(t.Context(), bytes.NewReader(archive))
	if err != nil || loaded.ID != img.ID {
		t.Errorf("%+v %v", loaded, err)
	}
	if _, err := e.LoadImage(t.Context(), strings.NewReader("no tar at all")); err == nil {
		t.Error("nonsense was loaded")
	}
}

func BenchmarkConnectAndList(b *testing.B) {
	for b.Loop() {
		e, err := docker.Connect(b.Context(), "", os.Getenv)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Containers(b.Context(), docker.Filter{Labels: map[string]string{"dev.envctl.experiment": ""}}); err != nil {
			b.Fatal(err)
		}
		_ = e.Close()
	}
}
