package provider

import (
	"context"
	"errors"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// tagger stands in for a builder and a puller: it gives the probe's image the
// name that is asked for. What these tests prove is when it is called.
type tagger struct {
	*engine
	built, pulled []string
	err           error
}

func (g *tagger) Build(ctx context.Context, r BuildRequest) error {
	g.built = append(g.built, r.Context+"|"+r.Dockerfile+"|"+r.Target)
	return g.tag(ctx, r.Tag)
}

func (g *tagger) Pull(ctx context.Context, ref, _ string) error {
	g.pulled = append(g.pulled, ref)
	return g.tag(ctx, ref)
}

func (g *tagger) tag(ctx context.Context, ref string) error {
	if g.err != nil {
		return g.err
	}
	_, err := g.ImageTag(ctx, client.ImageTagOptions{Source: probeImage, Target: ref})
	return err
}

func newTagger(t *testing.T) (*tagger, func(*Options)) {
	t.Helper()
	g := &tagger{engine: newEngine(t)}
	must(t, loadProbe())
	return g, func(o *Options) { o.Builder, o.Puller = g, g }
}

func TestImageLifecycle(t *testing.T) {
	t.Parallel()
	g, opts := newTagger(t)
	tag := unique(t) + ":0123456789abcdef"
	img := resourceOf(t, server(t, g.engine, opts), "Image", "app")
	in := obj{"imageName": tag, "skipPush": true, "build": obj{"context": "/src", "dockerfile": "/src/build/Dockerfile", "target": "final"}}
	img.mustCreate(in)
	if img.id != tag || img.out("imageName") != tag || img.out("baseImageName") != tag || img.out("dockerfile") != "build/Dockerfile" {
		t.Errorf("id %q outputs %v", img.id, img.state)
	}
	if len(g.built) != 1 || g.built[0] != "/src|/src/build/Dockerfile|final" {
		t.Errorf("built %v", g.built)
	}
	again := resourceOf(t, server(t, g.engine, opts), "Image", "app")
	again.mustCreate(in)
	if len(g.built) != 1 {
		t.Error("an image whose tag is there was built again")
	}
	if !img.refresh() || len(img.diff(in).Diffs) > 0 {
		t.Error("differs untouched")
	}
	if d := img.diff(with(in, "imageName", tag[:len(tag)-1]+"0")); len(d.Replaces) != 1 || d.DeleteBeforeReplace {
		t.Errorf("another source: %v", d)
	}
	must(t, img.delete())
	must(t, img.delete())
	if img.refresh() {
		t.Error("is still there")
	}
	g.err = errors.New("step 3 failed")
	if err := img.create(in); err == nil || !strings.Contains(err.Error(), "step 3 failed") || !strings.Contains(err.Error(), tag) {
		t.Errorf("error %v", err)
	}
}

func TestRemoteImageLifecycle(t *testing.T) {
	t.Parallel()
	g, opts := newTagger(t)
	name := unique(t) + ":1"
	srv := server(t, g.engine, opts)
	img := resourceOf(t, srv, "RemoteImage", "app")
	in := obj{"name": name}
	img.mustCreate(in)
	probe, err := g.ImageInspect(t.Context(), probeImage)
	must(t, err)
	if img.out("imageId") != probe.ID || img.id != probe.ID+name || len(g.pulled) != 1 {
		t.Errorf("id %q, imageId %v, pulled %v", img.id, img.out("imageId"), g.pulled)
	}
	if calls := g.count(func() { resourceOf(t, srv, "RemoteImage", "app").mustCreate(in) }); len(calls) != 1 || len(g.pulled) != 1 {
		t.Errorf("an image that is there: calls %v, pulled %v", calls, g.pulled)
	}
	byID := resourceOf(t, srv, "RemoteImage", "id")
	byID.mustCreate(obj{"name": probe.ID, "keepLocally": true})
	must(t, byID.delete())
	if !img.refresh() || len(img.diff(in).Diffs) > 0 {
		t.Error("differs untouched, or keepLocally was not kept")
	}
	imported := resourceOf(t, srv, "RemoteImage", "app")
	imported.id = img.id
	if !imported.refresh() || imported.id != img.id {
		t.Error("cannot be imported")
	}

	// An image that a container runs from stays, and that is no error.
	made, err := g.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: name})
	must(t, err)
	must(t, img.delete())
	_, err = g.ContainerRemove(t.Context(), made.ID, client.ContainerRemoveOptions{})
	must(t, err)
	must(t, img.delete())
	if _, err := g.ImageInspect(t.Context(), name); !cerrdefs.IsNotFound(err) {
		t.Errorf("the name is still there: %v", err)
	}
	if _, err := g.ImageInspect(t.Context(), probeImage); err != nil {
		t.Errorf("another name of the image went with it: %v", err)
	}
	if img.refresh() {
		t.Error("refresh finds it")
	}
}

func TestRemoteImageThatCannotBeHad(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for name, want := range map[string]string{
		"sha256:" + strings.Repeat("0", 64): "an image ID cannot be pulled",
		"example.invalid/" + unique(t):      "this process cannot pull",
	} {
		err := resourceOf(t, server(t, e), "RemoteImage", "x").create(obj{"name": name})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
