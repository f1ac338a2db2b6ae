package runner_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// vanishing is the engine of another connection, where the image of the first container
// is gone before the container is made.
func vanishing(t *testing.T, real *docker.Engine) *docker.Engine {
	t.Helper()
	var once sync.Once
	return dockertest.Between(t, real, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			once.Do(func() { removeImageOf(t, real, body) })
		}
		next.ServeHTTP(w, r)
	}, nil)
}

// removeImageOf removes the image of the request for a container.
func removeImageOf(t *testing.T, real *docker.Engine, request []byte) {
	var asked struct{ Image string }
	err := json.Unmarshal(request, &asked)
	if err == nil {
		_, err = real.Client().ImageRemove(t.Context(), asked.Image, client.ImageRemoveOptions{Force: true})
	}
	if err != nil {
		t.Errorf("the image %q does not go: %v", asked.Image, err)
	}
}

// An image can go with another experiment's last name for it after it was found.
func TestAnImageThatGoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	real, own := r.engine, r.run
	defer func() { r.run = own }()
	r.digest = r.push(only(r, "app"))
	r.engine = vanishing(t, real)
	r.run = r.another()
	r.get(r.apply(r.app("api"), run.Running), "/")

	r.engine = vanishing(t, real)
	r.run = r.another()
	r.digest = r.push(only(r, "job"))
	spec := r.job("sum", "exit", "0")
	if _, err := r.run.StartJob(t.Context(), spec); err != nil {
		t.Errorf("the job: %v", err)
	}
}

// only makes an image that nobody else has.
func only(r *rig, what string) func(*ocispec.Image) {
	return func(image *ocispec.Image) { image.Config.Labels = map[string]string{"of": r.experiment + "-" + what} }
}
