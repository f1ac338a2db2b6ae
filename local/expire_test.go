package local_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/owner"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
	"github.com/envctl/envctl/stacks/state"
)

// ground is a target on the real engine, and an experiment on it that is the test's
// own and is removed after it.
func ground(t *testing.T) (*local.Target, stacks.Ref) {
	t.Helper()
	engine := dockertest.Engine(t)
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	ref := stacks.Ref{Experiment: "expire-" + hex.EncodeToString(random), Instance: "default", Target: target.Target}
	t.Cleanup(func() {
		if _, err := engine.Sweep(context.Background(), target.Selector(ref.Experiment, ref.Instance), docker.SweepOptions{}); err != nil {
			t.Error(err)
		}
	})
	return &local.Target{Engine: engine}, ref
}

// labelled are the labels of the test's experiment and more, as NAME, VALUE.
func labelled(ref stacks.Ref, more ...string) map[string]string {
	out := target.Selector(ref.Experiment, ref.Instance)
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func makeNetwork(t *testing.T, on *local.Target, name string, labels map[string]string) {
	t.Helper()
	_, err := on.Engine.Client().NetworkCreate(t.Context(), name, client.NetworkCreateOptions{Driver: "bridge", Internal: true, Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
}

func stateOf(t *testing.T, on *local.Target, ref stacks.Ref) (stacks.State, bool) {
	t.Helper()
	all, err := on.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	st, there := all[ref]
	return st, there
}

// TestDeadlineIsOnTheEngine holds that labels alone tell when an experiment expires,
// that moving it changes no object, and that the end of it leaves no mark.
func TestDeadlineIsOnTheEngine(t *testing.T) {
	t.Parallel()
	on, ref := ground(t)
	now := time.Now().UTC().Truncate(time.Second)
	soon, later, last := now.Add(time.Hour), now.Add(2*time.Hour), now.Add(3*time.Hour)
	network := target.NetworkName(ref.Experiment, ref.Instance)
	if err := on.SetDeadline(t.Context(), ref, later); err != nil {
		t.Fatal(err)
	}
	if st, there := stateOf(t, on, ref); there {
		t.Errorf("a mark alone is an experiment: %+v", st)
	}
	if _, err := on.Sweep(t.Context(), ref, false); err != nil {
		t.Fatal(err)
	}
	makeNetwork(t, on, network, labelled(ref, target.LabelKind, "network", target.LabelExpires, soon.Format(time.RFC3339)))
	if st, there := stateOf(t, on, ref); !there || !st.Expires.Equal(soon) || st.Moved || st.Created.Before(now.Add(-time.Minute)) {
		t.Errorf("as it was made: %+v, %v", st, there)
	}
	// A clock that was ahead once does not have the last word for ever.
	ahead := labelled(ref, target.LabelKind, target.KindExpiry, target.LabelExpires, soon.Format(time.RFC3339),
		target.LabelSet, now.Add(24*time.Hour).Format(time.RFC3339Nano))
	if _, err := on.Engine.Client().VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: network + ".ahead", Labels: ahead}); err != nil {
		t.Fatal(err)
	}
	for _, to := range []time.Time{last, later, {}} {
		if err := on.SetDeadline(t.Context(), ref, to); err != nil {
			t.Fatal(err)
		}
		if st, _ := stateOf(t, on, ref); !st.Expires.Equal(to) || !st.Moved {
			t.Errorf("moved to %v: %+v", to, st)
		}
		if got, moved, err := on.Deadline(t.Context(), ref); !got.Equal(to) || !moved || err != nil {
			t.Errorf("moved to %v: %v, %v, %v", to, got, moved, err)
		}
	}
	if st, _ := stateOf(t, on, ref); !expiry.Deadline(state.Record{Expires: soon}, st).IsZero() {
		t.Error("what is not to expire any more expires by its record")
	}
	left, err := on.Engine.Leftovers(t.Context(), target.Selector(ref.Experiment, ref.Instance))
	if err != nil || len(left.Volumes) != 1 || !slices.Equal(left.Networks, []string{network}) {
		t.Errorf("after three moves: %+v, %v", left, err)
	}
	if _, err := on.Sweep(t.Context(), ref, true); err != nil {
		t.Fatal(err)
	}
	if left, err = on.Engine.Leftovers(t.Context(), target.Selector(ref.Experiment, ref.Instance)); err != nil || left.Count() != 0 {
		t.Errorf("after a sweep that keeps data: %+v, %v", left, err)
	}
}

// TestMovesAtOnce holds that of many who move a deadline one has the last word, and
// nobody fails.
func TestMovesAtOnce(t *testing.T) {
	t.Parallel()
	on, ref := ground(t)
	now := time.Now().UTC().Truncate(time.Second)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if err := on.SetDeadline(t.Context(), ref, now.Add(time.Duration(i)*time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if _, moved, err := on.Deadline(t.Context(), ref); !moved || err != nil {
		t.Errorf("no deadline is left: %v, %v", moved, err)
	}
}

// deadOwner names a process that was and is no more.
func deadOwner(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	o, err := owner.Self()
	if err != nil {
		t.Fatal(err)
	}
	o.PID = cmd.Process.Pid
	return o.String()
}

// TestReap holds that what a killed owner left goes with all that is this owner's,
// what outlived its own deadline goes by gc, and the rest stays. Commands of other
// tests reap on the same engine and may come first, so it may be tried again.
func TestReap(t *testing.T) {
	t.Parallel()
	for attempt := range 3 {
		wrong := reapOnce(t)
		if wrong == "" {
			return
		}
		if attempt == 2 {
			t.Fatal(wrong)
		}
		t.Log("again: " + wrong)
	}
}

// reapOnce makes one of each kind and reaps; it says what is not as it should be.
func reapOnce(t *testing.T) string {
	t.Helper()
	on, ref := ground(t)
	self, err := owner.Self()
	if err != nil {
		t.Fatal(err)
	}
	dead := deadOwner(t)
	makeReapable(t, on, ref, self.String(), dead)
	found, err := on.Orphans(t.Context(), true, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range found {
		if (o.Owner == dead || o.Owner == self.String()) && strings.HasPrefix(o.Name, ref.Experiment) {
			names = append(names, o.Kind+" "+o.Name)
		}
	}
	slices.Sort(names)
	want := []string{"box " + ref.Experiment + ".over", "network " + ref.Experiment + ".net", "run " + ref.Experiment + ".dead", "volume " + ref.Experiment + ".work"}
	if !slices.Equal(names, want) {
		return fmt.Sprintf("orphans %q, want %q", names, want)
	}
	if _, err := on.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := on.Engine.Leftovers(t.Context(), target.Selector(ref.Experiment, ref.Instance))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{ref.Experiment + ".alive", ref.Experiment + ".app", ref.Experiment + ".job"}; !slices.Equal(left.Containers, want) || len(left.Networks)+len(left.Volumes) != 0 || len(left.Images) != 1 {
		return fmt.Sprintf("left %+v, want containers %q and the image", left, want)
	}
	if st, _ := stateOf(t, on, ref); st.Apps != 0 || st.Stopped != 1 {
		return fmt.Sprintf("runs and jobs are no apps, and an app with an owner is one: %+v", st)
	}
	return ""
}

// makeReapable makes what a live and a dead owner have, in the order in which a
// command makes it: a network before its container.
func makeReapable(t *testing.T, on *local.Target, ref stacks.Ref, self, dead string) {
	t.Helper()
	past := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	image := emptyImage(t, on, ref)
	container := func(name, kind string, more ...string) {
		t.Helper()
		_, err := on.Engine.Client().ContainerCreate(t.Context(), client.ContainerCreateOptions{
			Name:   ref.Experiment + "." + name,
			Config: &container.Config{Image: image, Cmd: []string{"/none"}, Labels: labelled(ref, append(more, target.LabelKind, kind)...)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	makeNetwork(t, on, ref.Experiment+".net", labelled(ref, owner.Label, dead, target.LabelKind, "run")) // as its container
	// What goes with it has the labels of its image no more than any volume has.
	_, err := on.Engine.Client().VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: ref.Experiment + ".work",
		Labels: labelled(ref, owner.Label, self, target.LabelKind, "box", target.LabelExpires, past)})
	if err != nil {
		t.Fatal(err)
	}
	container("alive", "run", owner.Label, self)
	container("app", "app", owner.Label, dead, target.LabelExpires, target.Never) // as its image says
	container("job", "job", owner.Label, self, target.LabelExpires, past)         // its experiment's deadline
	container("dead", "run", owner.Label, dead)
	container("over", "box", owner.Label, self, target.LabelExpires, past)
}

// emptyImage is an image with nothing in it: no container of it is started.
func emptyImage(t *testing.T, on *local.Target, ref stacks.Ref) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY Dockerfile /\nLABEL org.example.vendor=somebody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tag := "envctl-test/" + ref.Experiment + ":1"
	_, err := on.Engine.Build(t.Context(), docker.BuildRequest{Context: dir, Tag: tag, Labels: target.Selector(ref.Experiment, ref.Instance)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// TestNetworksInARow holds that more networks than an engine has addresses for (31
// by default) can be made and reaped one after another.
func TestNetworksInARow(t *testing.T) {
	t.Parallel()
	on, ref := ground(t)
	dead := deadOwner(t)
	for i := range 100 {
		makeNetwork(t, on, fmt.Sprintf("%s.%d", ref.Experiment, i), labelled(ref, owner.Label, dead))
		found, err := on.Orphans(t.Context(), true, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range found {
			if o.Owner != dead {
				continue
			}
			if err := on.RemoveOrphan(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left, err := on.Engine.Leftovers(t.Context(), target.Selector(ref.Experiment, ref.Instance)); err != nil || left.Count() != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
}
