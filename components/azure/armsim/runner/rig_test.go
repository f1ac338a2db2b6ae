package runner_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/runner"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/registry"
)

const repository = "csv/api"

// rig is a runner with an environment and a registry of its own.
type rig struct {
	tb          testing.TB
	engine      *docker.Engine
	run         *runner.Runner
	dir         string
	store       *registry.Store
	experiment  string
	environment string
	digest      string // of the image of testdata/app
}

// newRig fails where no engine answers, or skips the test where
// ENVCTL_TEST_ENGINE=none says that there is none. It holds at the end that Sweep
// leaves nothing.
func newRig(tb testing.TB) *rig {
	tb.Helper()
	engine := dockertest.Engine(tb)
	r := &rig{tb: tb, engine: engine, dir: tb.TempDir(), experiment: "runnertest-" + strings.ToLower(rand.Text()[:8])}
	r.environment = r.id("managedenvironments", "cae-"+r.experiment)
	var err error
	if r.store, err = registry.Open(filepath.Join(r.dir, "registry")); err != nil {
		tb.Fatal(err)
	}
	r.run = r.another()
	r.digest = r.push(nil)
	ctx := context.WithoutCancel(tb.Context())
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if _, err := r.run.Sweep(ctx, r.experiment, "default"); err != nil {
			tb.Error("sweep: ", err)
		}
		r.wantNothing(ctx)
	})
	return r
}

// another is a runner as another process of the same simulator has it.
func (r *rig) another() *runner.Runner {
	r.tb.Helper()
	out, err := runner.New(runner.Options{Engine: r.engine, Dir: r.dir})
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Cleanup(func() { _ = out.Close() })
	return out
}

func (r *rig) wantNothing(ctx context.Context) {
	r.tb.Helper()
	left, err := r.run.Leftovers(ctx, "", "")
	if err != nil || left.Count() > 0 {
		r.tb.Errorf("left over: %+v, %v", left, err)
	}
}

func (r *rig) id(kind, name string) string {
	return "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/rg-" + r.experiment + "/providers/microsoft.app/" + kind + "/" + name
}

// app is an app that answers at 8080.
func (r *rig) app(name string) run.Spec {
	return run.Spec{
		ID: r.id("containerapps", name), Kind: run.App, Name: name, Revision: name + "--r1", Environment: r.environment,
		Tags:      map[string]string{runner.LabelExperiment: r.experiment, runner.LabelInstance: "default"},
		Container: r.container("serve", "8080"), Replicas: 1,
		Ingress: &run.Ingress{Port: 8080, External: true},
	}
}

func (r *rig) job(name string, args ...string) run.Spec {
	s := r.app(name)
	s.ID, s.Kind, s.Ingress, s.Container = r.id("jobs", name), run.Job, nil, r.container(args...)
	s.Timeout = time.Minute
	return s
}

func (r *rig) container(args ...string) run.Container {
	return run.Container{
		Name: "main", Args: args, CPU: 0.25, Memory: 64 << 20, Env: []run.KV{{Name: "WHO", Value: "me"}},
		Image: run.Image{Ref: "127.0.0.1:1/" + repository + "@" + r.digest, Store: r.store.Dir(), Repository: repository, Digest: r.digest},
	}
}

// apply applies spec and holds that the state is as wanted.
func (r *rig) apply(spec run.Spec, state string) run.Status {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(r.tb.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	st, err := r.run.Apply(ctx, spec)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Logf("apply %s: %s after %v", spec.Name, st.State, time.Since(began).Round(time.Millisecond))
	if st.State != state {
		r.tb.Fatalf("apply %s: %+v, expected %s", spec.Name, st, state)
	}
	return st
}

// get asks an app until it answers with 200, for a short time.
func (r *rig) get(st run.Status, path string) string {
	r.tb.Helper()
	if st.Address == "" {
		r.tb.Fatalf("no address in %+v", st)
	}
	var last string
	for range 50 {
		request, err := http.NewRequestWithContext(r.tb.Context(), http.MethodGet, "http://"+st.Address+path, nil)
		if err != nil {
			r.tb.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			body, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if last = string(body); answer.StatusCode == http.StatusOK {
				return last
			}
		} else {
			last = err.Error()
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.tb.Fatalf("GET %s%s: %s", st.Address, path, last)
	return ""
}

// containers are those of an app or job.
func (r *rig) containers(id string) []docker.Container {
	r.tb.Helper()
	list, err := r.engine.Containers(r.tb.Context(), docker.Filter{Labels: map[string]string{"dev.envctl.azure.id": id}})
	if err != nil {
		r.tb.Fatal(err)
	}
	return list
}

// program is testdata/app.
var program = dockertest.Program("./testdata/app")

// push puts an image of testdata/app into the registry, as an index for this
// architecture and another. change makes it another image.
func (r *rig) push(change func(*ocispec.Image)) string {
	r.tb.Helper()
	content := program(r.tb)
	var plain bytes.Buffer
	files := tar.NewWriter(&plain)
	check(r.tb, files.WriteHeader(&tar.Header{Name: "app", Mode: 0o555, Size: int64(len(content)), Typeflag: tar.TypeReg}))
	_, err := files.Write(content)
	check(r.tb, err)
	check(r.tb, files.Close())
	var layer bytes.Buffer
	zip := gzip.NewWriter(&layer)
	_, err = zip.Write(plain.Bytes())
	check(r.tb, err)
	check(r.tb, zip.Close())
	image := ocispec.Image{
		Platform: ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   ocispec.ImageConfig{Entrypoint: []string{"/app"}, Labels: map[string]string{"test": r.experiment}},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(plain.Bytes())}},
	}
	if change != nil {
		change(&image)
	}
	config := r.blob(ocispec.MediaTypeImageConfig, encode(r.tb, image))
	manifest := r.manifest(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: ocispecs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{r.blob(ocispec.MediaTypeImageLayerGzip, layer.Bytes())},
	})
	manifest.Platform = &ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	other := manifest
	other.Platform = &ocispec.Platform{OS: "windows", Architecture: "amd64"}
	return r.manifest(ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: ocispecs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{other, manifest},
	}).Digest.String()
}

func (r *rig) blob(mediaType string, content []byte) ocispec.Descriptor {
	r.tb.Helper()
	d, size, err := r.store.PutBlob(r.tb.Context(), repository, bytes.NewReader(content), "")
	check(r.tb, err)
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: size}
}

func (r *rig) manifest(mediaType string, content any) ocispec.Descriptor {
	r.tb.Helper()
	raw := encode(r.tb, content)
	d, err := r.store.PutManifest(r.tb.Context(), repository, digest.FromBytes(raw).String(), mediaType, raw)
	check(r.tb, err)
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
}

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	raw, err := json.Marshal(v)
	check(tb, err)
	return raw
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
