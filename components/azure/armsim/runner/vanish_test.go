package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
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
	network, address, _ := strings.Cut(real.Host(), "://")
	if network != "unix" {
		dockertest.Cannot(t, "the engine is not behind a socket of this machine")
	}
	dir, err := os.MkdirTemp("", "envctl-v-*") // short: the path of a socket has an end
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		FlushInterval: -1,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}},
	}
	var once sync.Once
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			once.Do(func() {
				var asked struct{ Image string }
				_ = json.Unmarshal(body, &asked)
				_, err := real.Client().ImageRemove(r.Context(), asked.Image, client.ImageRemoveOptions{Force: true})
				t.Logf("removed %s: %v", asked.Image, err)
			})
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	out, err := docker.Connect(t.Context(), "unix://"+l.Addr().String(), os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return out
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
