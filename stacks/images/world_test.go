package images

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

// side is a registry with what happens between it and its clients.
type side struct {
	t      testing.TB
	store  *registry.Store
	server *httptest.Server

	mu    sync.Mutex
	asked []string // METHOD path, in order
	// meddle may answer a request itself, or change what the registry sees or says.
	meddle func(next http.Handler, w http.ResponseWriter, r *http.Request)
}

func newSide(t testing.TB, o registry.Options) *side {
	t.Helper()
	store, err := registry.Open(filepath.Join(t.TempDir(), "registry"))
	if err != nil {
		t.Fatal(err)
	}
	s := &side{t: t, store: store}
	handler := store.Handler(o)
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		meddle := s.meddle
		s.mu.Unlock()
		if meddle != nil {
			meddle(handler, w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	s.server.Config.ErrorLog = nil
	t.Cleanup(s.server.Close)
	return s
}

func (s *side) place(repository string) Place {
	return Place{Registry: strings.TrimPrefix(s.server.URL, "http://"), Repository: repository}
}

// count is how many requests of a method had a path with a part.
func (s *side) count(method, part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, line := range s.asked {
		if strings.HasPrefix(line, method+" ") && strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func (s *side) writes() int { return s.count("POST", "") + s.count("PUT", "") + s.count("PATCH", "") }

func describe(mediaType string, b []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// random is content that cannot be guessed; a seed makes always the same.
func random(seed uint64, size int) []byte {
	b := make([]byte, size)
	r := rand.NewPCG(seed, seed)
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return b
}

func (s *side) blob(repository string, content []byte) {
	s.t.Helper()
	if _, _, err := s.store.PutBlob(s.t.Context(), repository, bytes.NewReader(content), ""); err != nil {
		s.t.Fatal(err)
	}
}

func (s *side) manifest(repository, reference string, v any) []byte {
	s.t.Helper()
	raw := encode(s.t, v)
	if reference == "" {
		reference = digest.FromBytes(raw).String()
	}
	if _, err := s.store.PutManifest(s.t.Context(), repository, reference, "", raw); err != nil {
		s.t.Fatal(err)
	}
	return raw
}

// image puts an image of some layers and returns its descriptor.
func (s *side) image(repository, tag string, layers ...[]byte) ocispec.Descriptor {
	s.t.Helper()
	config := encode(s.t, map[string]any{"layers": len(layers), "tag": tag})
	s.blob(repository, config)
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: describe(ocispec.MediaTypeImageConfig, config)}
	for _, layer := range layers {
		s.blob(repository, layer)
		m.Layers = append(m.Layers, describe(ocispec.MediaTypeImageLayerGzip, layer))
	}
	return describe(ocispec.MediaTypeImageManifest, s.manifest(repository, tag, m))
}

// quick waits for nothing.
func quick() patience {
	return patience{tries: 4, first: time.Millisecond, sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

// same fails the test unless the whole image is on both sides, byte for byte.
func same(t testing.TB, from *side, a string, to *side, b string, d digest.Digest) {
	t.Helper()
	one, err := from.store.Resolve(a, d.String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := to.store.Resolve(b, d.String())
	if err != nil || !bytes.Equal(one.Raw, other.Raw) || one.MediaType != other.MediaType {
		t.Fatalf("%s is %q there: %v", d, other.Raw, err)
	}
	if _, ok, err := to.store.Complete(b, d.String()); !ok || err != nil {
		t.Fatalf("%s is not complete: %v", d, err)
	}
}
