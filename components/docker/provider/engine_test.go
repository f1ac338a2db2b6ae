package provider

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"archive/tar"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/client"
)

// engine is a client of the real engine that notes the calls it makes.
type engine struct {
	*client.Client
	mu    sync.Mutex
	calls []string
}

// newEngine connects to the engine that runs here; without one the test fails,
// except where ENVCTL_TEST_ENGINE=none says that there is none.
func newEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{}
	c, err := client.New(client.FromEnv, client.WithHTTPRequestHook(func(r *http.Request) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls = append(e.calls, r.Method+" "+r.URL.Path)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	e.Client = c
	if _, err := c.Ping(t.Context(), client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		if os.Getenv("ENVCTL_TEST_ENGINE") != "none" {
			t.Fatal("no Docker engine: ", err)
		}
		t.Skip("no Docker engine: ", err)
	}
	return e
}

// count returns the number of calls that f makes and what they are.
func (e *engine) count(f func()) []string {
	e.mu.Lock()
	from := len(e.calls)
	e.mu.Unlock()
	f()
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls[from:])
}

const probeImage = "envctl-test/provider-probe:latest"

var loadProbe = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "probe")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", bin, "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return errors.New(string(out))
	}
	img, err := probeImageOf(bin)
	if err != nil {
		return err
	}
	ref, err := name.NewTag(probeImage)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(tarball.Write(ref, img, w)) }()
	c, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer c.Close()
	res, err := c.ImageLoad(context.Background(), r)
	if err != nil {
		return err
	}
	defer res.Close()
	_, err = io.Copy(io.Discard, res)
	return err
})

func probeImageOf(bin string) (v1.Image, error) {
	content, err := os.ReadFile(bin)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	if err := tw.WriteHeader(&tar.Header{Name: "probe", Mode: 0o755, Size: int64(len(content))}); err != nil {
		return nil, err
	}
	if _, err := tw.Write(content); err != nil {
		return nil, err
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	cfg := v1.Config{Entrypoint: []string{"/probe"}, Cmd: []string{"sleep"}, Env: []string{"FROM=image"}, Labels: map[string]string{"of": "image"}}
	return mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: cfg,
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{mustDiffID(layer)}}})
}

func mustDiffID(l v1.Layer) v1.Hash {
	h, err := l.DiffID()
	if err != nil {
		panic(err)
	}
	return h
}

// unique is a name that no other test uses.
func unique(t *testing.T) string {
	t.Helper()
	b := make([]byte, 5)
	_, _ = rand.Read(b)
	return "envctl-test-provider-" + hex.EncodeToString(b)
}

// sweep removes what a test of that experiment has left, when the test ends.
func (e *engine) sweep(t *testing.T, experiment string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		f := func() client.Filters { return make(client.Filters).Add("label", labelExperiment+"="+experiment) }
		cs, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f()})
		if err != nil {
			t.Error(err)
		}
		for _, c := range cs.Items {
			_, _ = e.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		}
		ns, _ := e.NetworkList(ctx, client.NetworkListOptions{Filters: f()})
		for _, n := range ns.Items {
			if _, err := e.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil && !strings.Contains(err.Error(), "not found") {
				t.Error(err)
			}
		}
		vs, _ := e.VolumeList(ctx, client.VolumeListOptions{Filters: f()})
		for _, v := range vs.Items {
			_, _ = e.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
		}
	})
}

func TestMain(m *testing.M) {
	code := m.Run()
	if c, err := client.New(client.FromEnv); err == nil {
		_, _ = c.ImageRemove(context.Background(), probeImage, client.ImageRemoveOptions{PruneChildren: true})
		_ = c.Close()
	}
	os.Exit(code)
}
