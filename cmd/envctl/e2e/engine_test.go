package e2e

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/client"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
)

// patience bounds what has to happen on a machine that is busy with other tests.
const patience = 2 * time.Minute

// unique is a name for an experiment of one test.
func unique() string {
	raw := make([]byte, 5)
	_, _ = rand.Read(raw) // never fails, see its documentation
	return "e2e-" + hex.EncodeToString(raw)
}

// labelTest is on what a test made that is not envctl's.
const labelTest = "dev.envctl.e2e"

// sweep removes what a test left of an experiment, all instances, and what it made
// beside it.
func sweep(e *docker.Engine, experiment string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var errs []error
	for _, label := range []string{target.LabelExperiment, labelTest} {
		_, err := e.Sweep(ctx, map[string]string{label: experiment}, docker.SweepOptions{})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// leftovers lists what the engine has of an experiment, by label and, for names of
// images, by name.
func leftovers(ctx context.Context, e *docker.Engine, experiment string) ([]string, error) {
	found, err := e.Leftovers(ctx, map[string]string{target.LabelExperiment: experiment})
	if err != nil {
		return nil, err
	}
	var out []string
	for kind, names := range map[string][]string{
		"container": found.Containers, "network": found.Networks, "volume": found.Volumes, "image": found.Images,
	} {
		for _, name := range names {
			out = append(out, kind+" "+name)
		}
	}
	images, err := e.Client().ImageList(ctx, client.ImageListOptions{
		All: true, Filters: make(client.Filters).Add("reference", "envctl/"+experiment+".*/*"),
	})
	for _, img := range images.Items {
		out = append(out, fmt.Sprintf("image %v", img.RepoTags))
	}
	return out, err
}

// buildImage gives the engine an image of the app program that says version, with
// a name of the caller.
func buildImage(ctx context.Context, e *docker.Engine, tag, version string, labels map[string]string) error {
	dir, err := os.MkdirTemp("", "envctl-e2e-image-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := writeContext(dir, version); err != nil {
		return err
	}
	_, err = e.Build(ctx, docker.BuildRequest{Tag: tag, Context: dir, Labels: labels}, nil)
	return err
}

// writeContext writes a build context of the app program.
func writeContext(dir, version string) error {
	app, err := os.ReadFile(built.app)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"app": app, "version": []byte(version + "\n"),
		"Dockerfile": []byte("FROM scratch\nCOPY app /app\nCOPY version /version\nUSER 65532\nENTRYPOINT [\"/app\"]\n"),
	} {
		mode := os.FileMode(0o644)
		if name == "app" {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, mode); err != nil {
			return err
		}
	}
	return nil
}
