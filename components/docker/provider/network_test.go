package provider

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func TestNetworkLifecycle(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	exp := unique(t)
	e.sweep(t, exp)
	srv := server(t, e)
	n := resourceOf(t, srv, "Network", "net")
	in := obj{"name": exp, "internal": true, "labels": labels(exp), "options": obj{"com.docker.network.bridge.inhibit_ipv4": "true"},
		"ipamConfigs": []any{obj{"subnet": "10.249.13.0/24"}}}
	n.mustCreate(in)
	got, err := e.NetworkInspect(t.Context(), n.id, client.NetworkInspectOptions{})
	must(t, err)
	if !got.Network.Internal || got.Network.Options["com.docker.network.bridge.inhibit_ipv4"] != "true" || got.Network.IPAM.Config[0].Subnet.String() != "10.249.13.0/24" {
		t.Errorf("made %+v", got.Network)
	}
	if !n.refresh() || len(n.diff(in).Diffs) > 0 {
		t.Error("differs untouched")
	}
	if d := n.diff(with(in, "internal", false)); len(d.Replaces) != 1 || !d.DeleteBeforeReplace {
		t.Errorf("internal: %v", d)
	}

	again := resourceOf(t, srv, "Network", "net")
	if again.mustCreate(in); again.id != n.id {
		t.Error("what a crash left was not adopted")
	}
	if again.mustCreate(with(in, "options", nil)); again.id == n.id {
		t.Error("one with another option was adopted")
	}
	imported := resourceOf(t, srv, "Network", "net")
	imported.id = exp
	if !imported.refresh() || imported.id != again.id {
		t.Error("cannot be imported by name")
	}
	must(t, again.delete())
	must(t, again.delete())
	if again.refresh() {
		t.Error("is still there")
	}
}

func TestNetworkOfSomebodyElse(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	name := unique(t)
	made, err := e.NetworkCreate(t.Context(), name, client.NetworkCreateOptions{})
	must(t, err)
	n := resourceOf(t, server(t, e), "Network", "net")
	err = n.create(obj{"name": name, "labels": labels(name)})
	if err == nil || !strings.Contains(err.Error(), "taken by a network that envctl did not make") {
		t.Errorf("error %v", err)
	}
	if _, err := e.NetworkRemove(t.Context(), made.ID, client.NetworkRemoveOptions{}); err != nil {
		t.Errorf("it was touched: %v", err)
	}
}

// The engine makes several networks of one name: the oldest is kept.
func TestNetworkThatIsThereTwice(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	exp := unique(t)
	e.sweep(t, exp)
	in := obj{"name": exp, "labels": labels(exp)}
	first := resourceOf(t, server(t, e), "Network", "net")
	first.mustCreate(in)
	_, err := e.NetworkCreate(t.Context(), exp, client.NetworkCreateOptions{Labels: map[string]string{
		labelExperiment: exp, labelInstance: "i", labelTarget: "local"}})
	if err != nil {
		t.Skip("this engine refuses a second network of one name: ", err)
	}
	again := resourceOf(t, server(t, e), "Network", "net")
	again.mustCreate(in)
	left, err := networks{api: e, containers: e}.byName(t.Context(), exp)
	must(t, err)
	if len(left) != 1 || left[0].ID != first.id || again.id != first.id {
		t.Errorf("left %v, adopted %s, first %s", left, again.id, first.id)
	}
}

// Deleting a network waits for a container that is on its way out, and says who
// stays when it does not go: a container of somebody else is never removed.
func TestNetworkDeleteWaits(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.cont.mustCreate(b.in)
	gone := make(chan error, 1)
	time.AfterFunc(time.Second, func() { gone <- b.cont.delete() })
	if err := b.net.delete(); err != nil {
		t.Error(err)
	}
	must(t, <-gone) // the engine frees the network before it has removed the container

	b.net.mustCreate(obj{"name": b.exp, "internal": true, "labels": labels(b.exp)})
	b.cont.mustCreate(with(b.in, "labels", labels(b.exp, labelInstance, "another")))
	err := b.net.delete()
	if err == nil || !strings.Contains(err.Error(), "still used by "+b.exp+".app") {
		t.Errorf("error %v", err)
	}
	if !b.inspect(t).State.Running {
		t.Error("the container was stopped")
	}
}

func TestVolumeLifecycle(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	exp := unique(t)
	e.sweep(t, exp)
	srv := server(t, e)
	v := resourceOf(t, srv, "Volume", "data")
	in := obj{"name": exp, "labels": labels(exp), "driverOpts": obj{"type": "tmpfs", "device": "tmpfs"}}
	if calls := e.count(func() { v.mustCreate(in) }); len(calls) != 1 {
		t.Errorf("create makes %v", calls)
	}
	if v.id != exp || v.out("mountpoint") == "" {
		t.Errorf("id %q, outputs %v", v.id, v.state)
	}
	if !v.refresh() || len(v.diff(in).Diffs) > 0 {
		t.Error("differs untouched")
	}
	again := resourceOf(t, srv, "Volume", "data")
	again.mustCreate(in) // adopts
	again.mustCreate(with(in, "driverOpts", nil))
	got, err := e.VolumeInspect(t.Context(), exp, client.VolumeInspectOptions{})
	must(t, err)
	if len(got.Volume.Options) != 0 {
		t.Error("a volume with other options was adopted")
	}

	// Somebody removes it and makes one of their own with the name.
	_, err = e.VolumeRemove(t.Context(), exp, client.VolumeRemoveOptions{})
	must(t, err)
	_, err = e.VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: exp})
	must(t, err)
	t.Cleanup(func() { _, _ = e.VolumeRemove(t.Context(), exp, client.VolumeRemoveOptions{}) })
	must(t, again.delete())
	if again.refresh() {
		t.Error("takes somebody else's volume for its own")
	}
	if err := again.create(in); err == nil || !strings.Contains(err.Error(), "taken by a volume that envctl did not make") {
		t.Errorf("error %v", err)
	}
	_, err = e.VolumeRemove(t.Context(), exp, client.VolumeRemoveOptions{})
	must(t, err)
	if again.refresh() {
		t.Error("is still there")
	}
}

func TestParallelContainers(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		wg.Go(func() {
			r := resourceOf(t, b.cont.srv, "Container", name)
			if err := r.create(with(b.in, "name", b.exp+"."+name, "networksAdvanced", []any{obj{"name": b.exp, "aliases": []any{name}}})); err != nil {
				t.Error(err)
				return
			}
			if err := r.delete(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	must(t, b.net.delete())
}

// A preview makes no call that writes, whatever is unknown.
func TestPreviewWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.cont.mustCreate(b.in)
	calls := b.count(func() {
		for _, typ := range []string{"Network", "Volume", "Container", "RemoteImage", "Image"} {
			in := map[string]resource.PropertyMap{
				"Network": {}, "Volume": {}, "RemoteImage": {"name": unknown()},
				"Container": {"image": unknown(), "labels": unknown(), "envs": unknown(), "networksAdvanced": resource.NewProperty([]resource.PropertyValue{
					resource.NewProperty(resource.PropertyMap{"name": unknown()})})},
				"Image": {"imageName": unknown(), "skipPush": resource.NewProperty(true)},
			}[typ]
			r := resourceOf(t, b.cont.srv, typ, "x")
			news, fails := r.check(in)
			if len(fails) > 0 {
				t.Errorf("%s: %v", typ, fails)
			}
			if err := r.preview(news); err != nil {
				t.Errorf("%s: %v", typ, err)
			}
		}
		if err := b.cont.previewUpdate(with(b.in, "memory", 64)); err != nil {
			t.Error(err)
		}
	})
	if len(calls) > 0 {
		t.Errorf("preview calls the engine: %v", calls)
	}
}

func unknown() resource.PropertyValue { return resource.MakeComputed(resource.NewProperty("")) }
