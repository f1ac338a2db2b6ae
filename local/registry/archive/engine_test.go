package archive_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/registry/archive"
)

// TestARealEnginesImage saves an image of the engine, takes it in, removes it from
// the engine and loads it again: it has the same ID and name.
func TestARealEnginesImage(t *testing.T) {
	t.Parallel()
	engine := dockertest.Engine(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"Dockerfile": "FROM scratch\nCOPY a /a\nCOPY b /b\n", "a": time.Now().String(), "b": strings.Repeat("b", 1<<20),
	} {
		if err := os.WriteFile(dir+"/"+name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tag := "envctl-test/archive:" + strings.ReplaceAll(time.Now().UTC().Format("150405.000000000"), ".", "-")
	img, err := engine.Build(t.Context(), docker.BuildRequest{
		Context: dir, Tag: tag, Labels: map[string]string{"dev.envctl.test": "archive"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	remove := func() {
		_, _ = engine.Client().ImageRemove(t.Context(), tag, client.ImageRemoveOptions{PruneChildren: true})
	}
	defer remove()
	save := func() io.ReadCloser {
		t.Helper()
		r, err := engine.SaveImage(t.Context(), tag)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	s := open(t)
	request := archive.Request{Store: s, Repository: "x/app", Tag: "v1", ImageID: img.ID, Archive: save()}
	d, err := archive.Import(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	config, err := archive.Config(s, "x/app", d)
	if err != nil || img.ID != d.String() && img.ID != config.String() {
		t.Errorf("the image %s is %s with the config %s: %v", img.ID, d, config, err)
	}
	request.Repository, request.Archive = "x/again", save()
	if again, err := archive.Import(t.Context(), request); err != nil || again != d {
		t.Errorf("again %s, first %s: %v", again, d, err)
	}
	remove()
	var out bytes.Buffer
	version, err := engine.Client().ServerVersion(t.Context(), client.ServerVersionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Export(t.Context(), s, "x/app", d, version.Arch, tag, &out); err != nil {
		t.Fatal(err)
	}
	loaded, err := engine.LoadImage(t.Context(), &out)
	if err != nil || loaded.ID != img.ID {
		t.Fatalf("loaded %s, saved %s: %v", loaded.ID, img.ID, err)
	}
	if _, there, err := engine.ResolveImage(t.Context(), tag); !there || err != nil {
		t.Errorf("the name: %v, %v", there, err)
	}
}
