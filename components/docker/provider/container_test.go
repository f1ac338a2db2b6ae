package provider

import (
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// box is a started container of its own experiment on a network of its own.
type box struct {
	*engine
	exp       string
	net, cont *res
	in        obj
}

func newBox(t *testing.T, edit ...any) *box {
	t.Helper()
	e := newEngine(t)
	if err := loadProbe(); err != nil {
		t.Fatal(err)
	}
	exp := unique(t)
	e.sweep(t, exp)
	srv := server(t, e)
	b := &box{engine: e, exp: exp, net: resourceOf(t, srv, "Network", "net"), cont: resourceOf(t, srv, "Container", "app")}
	b.net.mustCreate(obj{"name": exp, "internal": true, "labels": labels(exp)})
	b.in = with(obj{
		"name": exp + ".app", "image": probeImage, "labels": labels(exp, LabelPids, "64", LabelOOMScoreAdj, "300"),
		"networksAdvanced": []any{obj{"name": exp, "aliases": []any{"app"}}},
		"memory":           32, "memorySwap": 32, "cpus": "0.5", "readOnly": true, "user": "65532:65532",
		"capabilities": obj{"drops": []any{"ALL"}}, "securityOpts": []any{"no-new-privileges"},
		"tmpfs": obj{"/tmp": "rw,noexec,nosuid,size=1m"}, "envs": []any{"A=1"}, "init": true, "dns": []any{"192.0.2.1"},
		"logDriver": "local", "logOpts": obj{"max-size": "1m"}, "restart": "no",
	}, edit...)
	return b
}

func TestContainerLifecycle(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	calls := b.count(func() { b.cont.mustCreate(b.in) })
	if len(calls) != 3 {
		t.Errorf("create makes %d calls, want 3 (create, start, inspect): %v", len(calls), calls)
	}
	live := b.inspect(t)
	host := live.HostConfig
	if live.ID != b.cont.id || !live.State.Running {
		t.Fatalf("id %q state %+v", live.ID, live.State)
	}
	for what, ok := range map[string]bool{
		"memory":   host.Memory == 32<<20 && host.MemorySwap == 32<<20,
		"cpus":     host.NanoCPUs == 5e8,
		"oom":      host.OomScoreAdj == 300,
		"pids":     host.PidsLimit != nil && *host.PidsLimit == 64,
		"readonly": host.ReadonlyRootfs, "caps": len(host.CapDrop) == 1, "secopt": host.SecurityOpt[0] == "no-new-privileges",
		"tmpfs": host.Tmpfs["/tmp"] != "", "init": host.Init != nil && *host.Init, "log": host.LogConfig.Type == "local",
		"user": live.Config.User == "65532:65532", "one network": len(live.NetworkSettings.Networks) == 1,
	} {
		if !ok {
			t.Errorf("%s is not what was asked for: %+v", what, host)
		}
	}
	calls = b.count(func() {
		if !b.cont.refresh() {
			t.Fatal("refresh does not find it")
		}
	})
	if len(calls) != 1 {
		t.Errorf("read makes %d calls, want 1: %v", len(calls), calls)
	}
	if d := b.cont.diff(b.in); len(d.Diffs) != 0 {
		t.Errorf("diff after an untouched refresh: %v", d.Diffs)
	}
	if ip := b.cont.out("networkDatas").([]any)[0].(obj)["ipAddress"]; ip == "" {
		t.Error("networkDatas has no address")
	}
	calls = b.count(func() {
		if err := b.cont.delete(); err != nil {
			t.Fatal(err)
		}
	})
	if len(calls) != 1 {
		t.Errorf("delete makes %d calls, want 1: %v", len(calls), calls)
	}
	if err := b.cont.delete(); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
	if err := b.net.delete(); err != nil {
		t.Error(err)
	}
	if b.net.refresh() || b.cont.refresh() {
		t.Error("something is left")
	}
}

func (b *box) inspect(t *testing.T) *containerLive {
	t.Helper()
	r, err := b.ContainerInspect(t.Context(), b.cont.id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &r.Container
}

// What a killed operation left is adopted when it is what is asked for, whether
// or not it was started, and made anew when it is not.
func TestContainerAfterCrash(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		before func(*testing.T, *box)
		edit   []any
		adopt  bool
	}{
		{"running", func(*testing.T, *box) {}, nil, true},
		{"not started", func(t *testing.T, b *box) {
			if _, err := b.ContainerStop(t.Context(), b.cont.id, client.ContainerStopOptions{}); err != nil {
				t.Fatal(err)
			}
		}, nil, true},
		{"other limit", nil, []any{"memory", 48, "memorySwap", 48}, false},
		{"other environment", nil, []any{"envs", []any{"A=2"}}, false},
		{"no longer privileged of a capability", nil, []any{"capabilities", obj{"drops": []any{"ALL"}, "adds": []any{"NET_BIND_SERVICE"}}}, false},
		{"other command", nil, []any{"command", []any{"sleep", "x"}}, false},
		{"other label", nil, []any{"labels", nil}, false},
		{"taken off the network", func(t *testing.T, b *box) { b.disconnect(t) }, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			b.cont.mustCreate(b.in)
			if tc.before != nil {
				tc.before(t, b)
			}
			edit := tc.edit
			if tc.name == "other label" {
				edit = []any{"labels", labels(b.exp, LabelPids, "64", LabelOOMScoreAdj, "300", "more", "x")}
			}
			again := resourceOf(t, b.cont.srv, "Container", "app")
			again.mustCreate(with(b.in, edit...))
			if (again.id == b.cont.id) != tc.adopt {
				t.Errorf("adopted: %v, want %v", again.id == b.cont.id, tc.adopt)
			}
			b.cont = again
			if !b.inspect(t).State.Running {
				t.Error("it does not run")
			}
		})
	}
}

func (b *box) disconnect(t *testing.T) {
	t.Helper()
	if _, err := b.NetworkDisconnect(t.Context(), b.exp, client.NetworkDisconnectOptions{Container: b.cont.id, Force: true}); err != nil {
		t.Fatal(err)
	}
}

func TestForeignContainerIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.cont.mustCreate(with(b.in, "labels", labels(b.exp+"-other")))
	b.sweep(t, b.exp+"-other")
	mine := resourceOf(t, b.cont.srv, "Container", "app")
	err := mine.create(b.in)
	if err == nil || !strings.Contains(err.Error(), "is taken by a container") || !strings.Contains(err.Error(), "docker container rm") {
		t.Fatalf("error %v", err)
	}
	if mine.id != "" || !b.inspect(t).State.Running {
		t.Error("it was touched")
	}
}

func TestContainerDrift(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		by      func(*testing.T, *box)
		gone    bool
		diff    string
		replace bool
	}{
		{name: "stopped", diff: "start", by: func(t *testing.T, b *box) {
			_, err := b.ContainerStop(t.Context(), b.cont.id, client.ContainerStopOptions{})
			must(t, err)
		}},
		{name: "killed", diff: "start", by: func(t *testing.T, b *box) {
			_, err := b.ContainerKill(t.Context(), b.cont.id, client.ContainerKillOptions{Signal: "KILL"})
			must(t, err)
		}},
		{name: "paused", diff: "start", by: func(t *testing.T, b *box) {
			_, err := b.ContainerPause(t.Context(), b.cont.id, client.ContainerPauseOptions{})
			must(t, err)
		}},
		{name: "removed", gone: true, by: func(t *testing.T, b *box) {
			_, err := b.ContainerRemove(t.Context(), b.cont.id, client.ContainerRemoveOptions{Force: true})
			must(t, err)
		}},
		{name: "memory", diff: "memory", by: func(t *testing.T, b *box) {
			b.limit(t, resources{Memory: 64 << 20, MemorySwap: 64 << 20})
		}},
		{name: "pids", diff: "labels", replace: true, by: func(t *testing.T, b *box) {
			n := int64(999)
			b.limit(t, resources{PidsLimit: &n})
		}},
		{name: "cpus", diff: "cpus", by: func(t *testing.T, b *box) { b.limit(t, resources{NanoCPUs: 1e9}) }},
		{name: "shares that were never set", diff: "cpuShares", replace: true, by: func(t *testing.T, b *box) {
			b.limit(t, resources{CPUShares: 100})
		}},
		{name: "renamed", diff: "name", replace: true, by: func(t *testing.T, b *box) {
			_, err := b.ContainerRename(t.Context(), b.cont.id, client.ContainerRenameOptions{NewName: b.exp + ".renamed"})
			must(t, err)
		}},
		{name: "disconnected", diff: "networksAdvanced", replace: true, by: func(t *testing.T, b *box) { b.disconnect(t) }},
		{name: "connected to another network", diff: "networksAdvanced", replace: true, by: func(t *testing.T, b *box) {
			_, err := b.NetworkConnect(t.Context(), "bridge", client.NetworkConnectOptions{Container: b.cont.id})
			must(t, err)
		}},
		{name: "restart policy", diff: "restart", by: func(t *testing.T, b *box) {
			_, err := b.ContainerUpdate(t.Context(), b.cont.id, client.ContainerUpdateOptions{RestartPolicy: &policy{Name: "always"}})
			must(t, err)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			b.cont.mustCreate(b.in)
			tc.by(t, b)
			if found := b.cont.refresh(); found == tc.gone {
				t.Fatalf("refresh finds it: %v", found)
			}
			if !tc.gone {
				d := b.cont.diff(b.in)
				if !hasDiff(d, tc.diff) {
					t.Fatalf("diff %v, want %s", d.DetailedDiff, tc.diff)
				}
				if (len(d.Replaces) > 0) != tc.replace || d.DeleteBeforeReplace != tc.replace {
					t.Fatalf("replaces %v (first %v), want %v", d.Replaces, d.DeleteBeforeReplace, tc.replace)
				}
			}
			switch {
			case tc.gone:
				b.cont.mustCreate(b.in)
			case tc.replace:
				must(t, b.cont.delete())
				b.cont.mustCreate(b.in)
			default:
				must(t, b.cont.update(b.in))
			}
			if !b.cont.refresh() {
				t.Fatal("gone after mending")
			}
			if d := b.cont.diff(b.in); len(d.Diffs) != 0 {
				t.Errorf("still different after mending: %v", d.DetailedDiff)
			}
			live := b.inspect(t)
			if !live.State.Running || live.State.Paused || live.HostConfig.Memory != 32<<20 || live.HostConfig.NanoCPUs != 5e8 || len(live.NetworkSettings.Networks) != 1 {
				t.Errorf("not mended: %+v", live.State)
			}
		})
	}
}

func TestContainerImport(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.cont.mustCreate(b.in)
	imported := resourceOf(t, b.cont.srv, "Container", "app")
	imported.id = b.exp + ".app"
	if !imported.refresh() || imported.id != b.cont.id {
		t.Fatalf("import by name gives id %q", imported.id)
	}
	if d := imported.diff(b.in); len(d.Diffs) != 0 {
		t.Errorf("the program that made it differs from the import: %v\n%v", d.DetailedDiff, imported.inputs)
	}
	imported.id, imported.inputs, imported.state = b.exp+".nothing", nil, nil
	if imported.refresh() {
		t.Error("imports what is not there")
	}
}

func TestContainerOnTwoNetworks(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	in := with(b.in, "networksAdvanced", []any{obj{"name": "bridge"}, obj{"name": b.exp, "aliases": []any{"gw"}}},
		"ports", []any{obj{"internal": 8080, "ip": "127.0.0.1"}})
	b.cont.mustCreate(in)
	live := b.inspect(t)
	if len(live.NetworkSettings.Networks) != 2 || len(live.NetworkSettings.Ports) != 1 {
		t.Fatalf("networks %v ports %v", live.NetworkSettings.Networks, live.NetworkSettings.Ports)
	}
	if external := b.cont.out("ports").([]any)[0].(obj)["external"]; external == nil || external == 0.0 {
		t.Errorf("ports[0].external is %v, want the port that the engine chose", external)
	}
	b.cont.refresh()
	if d := b.cont.diff(in); len(d.Diffs) != 0 {
		t.Errorf("diff %v", d.DetailedDiff)
	}
	again := resourceOf(t, b.cont.srv, "Container", "app")
	if again.mustCreate(in); again.id != b.cont.id {
		t.Error("was not adopted")
	}
}

func TestDeleteStopsGently(t *testing.T) {
	t.Parallel()
	b := newBox(t, "destroyGraceSeconds", 5)
	b.cont.mustCreate(b.in)
	calls := b.count(func() { must(t, b.cont.delete()) })
	if len(calls) != 2 || !strings.HasSuffix(calls[0], "/stop") {
		t.Errorf("calls %v, want stop and remove", calls)
	}
	_, err := b.ContainerInspect(t.Context(), b.cont.id, client.ContainerInspectOptions{})
	if !cerrdefs.IsNotFound(err) {
		t.Errorf("it is there: %v", err)
	}
}
