package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/stacks"
)

// image asks the registry for an image of the outputs, and returns its digest.
func (x *experiment) image(outputs *stacks.Outputs, app string) string {
	x.t.Helper()
	repository, digest, ok := strings.Cut(strings.TrimPrefix(outputs.Apps[app].Image, outputs.Registry+"/"), "@")
	if !ok || outputs.Registry == "" || repository != x.name+"/"+app {
		x.t.Fatalf("the image of %s is %q on the registry %q", app, outputs.Apps[app].Image, outputs.Registry)
	}
	answer, err := http.Get("http://" + outputs.Registry + "/v2/" + repository + "/manifests/" + digest)
	if err != nil {
		x.t.Fatal(err)
	}
	defer answer.Body.Close()
	if said, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		x.t.Fatalf("%s: %d %s, %v", digest, answer.StatusCode, said, err)
	}
	return digest
}

// TestRegistry follows what up builds into the local registry, through the loss of
// the engine's image and of the registry's process.
func TestRegistry(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, twoApps)
	first := x.must(0, "up", "-o", "json").result(t)
	digest := x.image(first.Outputs, "store")

	// The engine loses the images: it gets back the very same.
	list, err := x.engine.Client().ImageList(t.Context(), client.ImageListOptions{
		Filters: make(client.Filters).Add("reference", "envctl/"+x.name+".*/*"),
	})
	if err != nil {
		t.Fatal(err)
	}
	x.must(0, "down", "--keep-data")
	for _, i := range list.Items {
		for _, tag := range i.RepoTags {
			if _, err := x.engine.Client().ImageRemove(t.Context(), tag, client.ImageRemoveOptions{Force: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	again := x.must(0, "up", "-o", "json").result(t)
	if got := x.image(again.Outputs, "store"); got != digest {
		t.Errorf("the image is %s, before %s", got, digest)
	}
	x.sound()

	// Its process is killed: an up that changes nothing starts nothing, one that
	// changes something does, at the same address.
	raw, err := os.ReadFile(filepath.Join(x.state, "registry", "process", "serving"))
	if err != nil {
		t.Fatal(err)
	}
	var at struct {
		PID int `json:"pid"`
	}
	if err := json.Unmarshal(raw, &at); err != nil || at.PID == 0 {
		t.Fatalf("%s: %v", raw, err)
	}
	if err := syscall.Kill(at.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	x.sound()
	if now, err := os.ReadFile(filepath.Join(x.state, "registry", "process", "serving")); err != nil || string(now) != string(raw) {
		t.Errorf("something was started: %s, %v", now, err)
	}
	if err := writeContext(filepath.Join(x.dir, "app"), "2"); err != nil {
		t.Fatal(err)
	}
	changed := x.must(0, "up", "-o", "json").result(t)
	if got := x.image(changed.Outputs, "store"); got == digest || changed.Outputs.Registry != first.Outputs.Registry {
		t.Errorf("the image is %s at %s, before %s at %s", got, changed.Outputs.Registry, digest, first.Outputs.Registry)
	}
	x.must(0, "down")
	x.gone()
}

// TestInstancesShareTheRegistry brings two instances up at once, which start one
// process; each takes only its own images with it.
func TestInstancesShareTheRegistry(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, quickApp)
	results := make([]stacks.Result, 2)
	var wg sync.WaitGroup
	for i, name := range []string{"one", "two"} {
		wg.Go(func() {
			if c := x.run("up", "-n", name, "-o", "json"); c.code == 0 {
				results[i] = c.result(t)
			} else {
				t.Errorf("up of %s: %s", name, c.stderr)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if results[0].Outputs.Registry != results[1].Outputs.Registry {
		t.Errorf("two registries: %+v %+v", results[0].Outputs, results[1].Outputs)
	}
	x.must(0, "down", "-n", "one")
	x.image(results[1].Outputs, "api")
	x.must(0, "down", "-n", "two")
	x.gone()
}
