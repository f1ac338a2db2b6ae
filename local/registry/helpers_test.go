package registry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

func open(t testing.TB) *registry.Store {
	t.Helper()
	s, err := registry.Open(filepath.Join(t.TempDir(), "registry"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files lists the files of a store, relative to it.
func files(t testing.TB, s *registry.Store) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(s.Dir(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			out = append(out, strings.TrimPrefix(path, s.Dir()+"/"))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}

func has(t testing.TB, s *registry.Store, part string) bool {
	t.Helper()
	return slices.ContainsFunc(files(t, s), func(name string) bool { return strings.Contains(name, part) })
}

// image is an image of one layer.
type image struct {
	layer, config, manifest []byte
	digest                  digest.Digest
}

func newImage(t testing.TB, content string, subject *ocispec.Descriptor) image {
	t.Helper()
	i := image{layer: []byte("layer of " + content), config: []byte(`{"config":"` + content + `"}`)}
	i.manifest = marshal(t, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: descriptor(ocispec.MediaTypeImageConfig, i.config), Layers: []ocispec.Descriptor{descriptor(ocispec.MediaTypeImageLayer, i.layer)},
		Subject: subject,
	})
	i.digest = digest.FromBytes(i.manifest)
	return i
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func descriptor(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

func (i image) descriptor() *ocispec.Descriptor {
	d := descriptor(ocispec.MediaTypeImageManifest, i.manifest)
	return &d
}

// blobs puts the image's blobs.
func (i image) blobs(t testing.TB, s *registry.Store, repository string) {
	t.Helper()
	for _, b := range [][]byte{i.layer, i.config} {
		if _, _, err := s.PutBlob(t.Context(), repository, bytes.NewReader(b), digest.FromBytes(b)); err != nil {
			t.Fatal(err)
		}
	}
}

// put puts the whole image under a tag.
func (i image) put(t testing.TB, s *registry.Store, repository, tag string) {
	t.Helper()
	i.blobs(t, s, repository)
	if d, err := s.PutManifest(t.Context(), repository, tag, ocispec.MediaTypeImageManifest, i.manifest); err != nil || d != i.digest {
		t.Fatalf("put %s: %s, %v", i.digest, d, err)
	}
}

// web is a store that is served.
type web struct {
	t   testing.TB
	url string
}

func serve(t testing.TB, s *registry.Store, o registry.Options) web {
	t.Helper()
	server := httptest.NewServer(s.Handler(o))
	t.Cleanup(server.Close)
	return web{t, server.URL}
}

// ask makes a request; headers are pairs.
func (w web) ask(method, path string, body []byte, headers ...string) (int, http.Header, string) {
	w.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = w.url + path
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(said)
}
