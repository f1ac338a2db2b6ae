package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
)

const twoApps = `
name: @NAME@
apps:
  api:
    build: {context: app}
    cpu: 0.25
    memory: 512Mi
    needs: [store]
    ingress: {port: 8080, public: true}
    health: {path: /healthz, interval: 1s, grace: 2m}
  store:
    build: {context: app}
    cpu: 0.25
    memory: 512Mi
    ingress: {port: 8080}
`

// TestDrift changes an experiment behind envctl's back in every way that a user
// can: status says it in words, up mends it, and another up finds nothing to do.
func TestDrift(t *testing.T) {
	t.Parallel()
	verb := func(name string, args ...string) func(context.Context, world) error {
		return func(ctx context.Context, w world) error {
			if len(args) > 0 {
				args = append([]string{w.container(args[0])}, args[1:]...)
			}
			_, err := engineVerbs[name](ctx, w, args)
			return err
		}
	}
	for name, c := range map[string]struct {
		change func(context.Context, world) error
		says   []string // in the text of status
	}{
		"app stopped":          {verb("stop", "store"), []string{"store  exited", "exit status"}},
		"app killed":           {verb("kill", "store"), []string{"store  exited", "exit status 137"}},
		"app removed":          {verb("rm", "store"), []string{"store  missing", "does not exist"}},
		"app paused":           {verb("pause", "store"), []string{"its container is paused"}},
		"memory":               {verb("memory", "store"), []string{"Memory", "536870912", "268435456"}},
		"app off its network":  {verb("disconnect", "store"), []string{"container store", "etworks"}},
		"gateway stopped":      {verb("kill", "gateway"), []string{"container gateway", "exited"}},
		"gateway removed":      {verb("rm", "gateway"), []string{"container gateway", "missing"}},
		"network removed":      {verb("rmnetwork"), []string{"network", "missing", "does not exist"}},
		"everything is gone":   {everything, []string{"network", "missing", "does not exist"}},
		"network is other one": {otherNetwork, []string{"network"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newExperiment(t, twoApps)
			x.must(0, "up")
			x.sound()
			if err := c.change(t.Context(), x.world()); err != nil {
				t.Fatal(err)
			}
			has(t, x.must(0, "status").stdout, c.says...)
			if code := x.run("preview", "--exit-code").code; code != 4 {
				t.Errorf("preview --exit-code ends with %d", code)
			}
			if r := x.must(0, "up", "-o", "json").result(t); r.Result == stacks.Unchanged {
				t.Errorf("up finds nothing to mend: %+v", r)
			}
			x.sound()
			x.must(0, "down")
			x.gone()
		})
	}
}

// everything removes all that carries the experiment's labels, images too.
func everything(ctx context.Context, w world) error {
	_, err := w.engine.Sweep(ctx, map[string]string{"dev.envctl.experiment": w.experiment}, docker.SweepOptions{})
	return err
}

// otherNetwork puts a network of ours with a way out in the place of the internal one.
func otherNetwork(ctx context.Context, w world) error {
	name := "envctl." + w.experiment + ".default"
	old, err := w.engine.Client().NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if err != nil {
		return err
	}
	if _, err := removeNetwork(ctx, w, nil); err != nil {
		return err
	}
	_, err = w.engine.Client().NetworkCreate(ctx, name, client.NetworkCreateOptions{Driver: "bridge", Labels: old.Network.Labels})
	return err
}

// TestAnImageWithoutItsName is a built image that somebody untagged: what runs goes
// on, and up makes the name again.
func TestAnImageWithoutItsName(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, twoApps)
	x.must(0, "up")
	images, err := x.engine.Client().ImageList(t.Context(), client.ImageListOptions{
		Filters: make(client.Filters).Add("reference", "envctl/"+x.name+".*/store"),
	})
	if err != nil || len(images.Items) != 1 {
		t.Fatalf("%d images, %v", len(images.Items), err)
	}
	for _, tag := range images.Items[0].RepoTags {
		if strings.Contains(tag, x.name+".default/store:") {
			if _, err := x.engine.Client().ImageRemove(t.Context(), tag, client.ImageRemoveOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	x.must(0, "up")
	x.sound()
	x.must(0, "down")
	x.gone()
}
