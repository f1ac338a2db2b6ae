package local_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/registry"
	"github.com/envctl/envctl/local/registry/archive"
	"github.com/envctl/envctl/stacks"
)

// What only the engine has is in the registry afterwards under a digest of its own, for
// that workload and instance, and is taken from the engine once.
func TestPublish(t *testing.T) {
	t.Parallel()
	engine := dockertest.Engine(t)
	image := dockertest.Image(t, engine, dockertest.Labels(t, engine), []byte("the program"))
	store, err := registry.Open(filepath.Join(t.TempDir(), "registry"))
	if err != nil {
		t.Fatal(err)
	}
	target := &local.Target{Engine: engine, Registry: &registry.Service{Store: store}}
	ref := stacks.Ref{Experiment: "exp", Instance: "default", Target: "local"}
	got, err := target.Publish(t.Context(), ref, "api", image.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Ref != image.ID || !got.Keep || got.Repository != "exp/api" || got.Build != nil || got.Tag != "" {
		t.Errorf("%+v", got)
	}
	config, err := archive.Config(store, got.Repository, digest.Digest(got.Digest))
	if err != nil || image.ID != config.String() && image.ID != got.Digest {
		t.Errorf("%s is the image %s, published was %s: %v", got.Digest, config, image.ID, err)
	}
	// Without an engine, the second time can only be the registry's.
	again, err := (&local.Target{Registry: target.Registry}).Publish(t.Context(), ref, "api", image.ID)
	if err != nil || again.Digest != got.Digest {
		t.Errorf("again: %+v, %v", again, err)
	}
	// Another instance's is apart: it stays when this one goes.
	ref.Instance = "other"
	if _, err := target.Publish(t.Context(), ref, "api", image.ID); err != nil {
		t.Fatal(err)
	}
	if err := store.RemoveInstance(t.Context(), "exp", "default"); err != nil {
		t.Fatal(err)
	}
	for instance, kept := range map[string]bool{"default": false, "other": true} {
		if _, ok, err := store.Complete("exp/api", registry.ImageTagOf(instance, image.ID)); ok != kept || err != nil {
			t.Errorf("of instance %s: %t, %v", instance, ok, err)
		}
	}
}

// An image that the engine has not, and one whose place in the registry has another
// image, are refused; nothing is written over.
func TestPublishOfWhatCannotBe(t *testing.T) {
	t.Parallel()
	engine := dockertest.Engine(t)
	one := dockertest.Image(t, engine, dockertest.Labels(t, engine), []byte("one"))
	two := dockertest.Image(t, engine, dockertest.Labels(t, engine), []byte("two"))
	store, err := registry.Open(filepath.Join(t.TempDir(), "registry"))
	if err != nil {
		t.Fatal(err)
	}
	target := &local.Target{Engine: engine, Registry: &registry.Service{Store: store}}
	ref := stacks.Ref{Experiment: "exp", Instance: "default", Target: "local"}
	none := "sha256:" + strings.Repeat("0", 64)
	_, err = target.Publish(t.Context(), ref, "api", none)
	if kept := (*local.KeepError)(nil); !errors.As(err, &kept) || kept.Workload != "api" || !strings.Contains(err.Error(), `image of "api"`) {
		t.Errorf("what is not there: %v", err)
	}
	saved, err := engine.SaveImage(t.Context(), two.ID)
	if err != nil {
		t.Fatal(err)
	}
	before, err := archive.Import(t.Context(), archive.Request{
		Store: store, Repository: "exp/api", Tag: registry.ImageTagOf("default", one.ID), ImageID: two.ID, Archive: saved,
	})
	if err = errors.Join(err, saved.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = target.Publish(t.Context(), ref, "api", one.ID)
	if rebuilt := (*local.RebuiltError)(nil); !errors.As(err, &rebuilt) || rebuilt.Kept != before.String() || rebuilt.Now != one.ID {
		t.Errorf("the place of another image: %v", err)
	}
	if after, ok, err := store.Complete("exp/api", registry.ImageTagOf("default", one.ID)); after != before || !ok || err != nil {
		t.Errorf("the other image was replaced: %s, %t, %v", after, ok, err)
	}
}
