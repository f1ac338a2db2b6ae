package archive_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/components/azure/armsim/runner/archive"
	"github.com/envctl/envctl/local/registry"
)

const repository = "csv/api"

func put(t *testing.T, s *registry.Store, mediaType string, content []byte) ocispec.Descriptor {
	t.Helper()
	d, size, err := s.PutBlob(t.Context(), repository, bytes.NewReader(content), "")
	if err != nil {
		t.Fatal(err)
	}
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: size}
}

func manifest(t *testing.T, s *registry.Store, mediaType string, v any) ocispec.Descriptor {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.PutManifest(t.Context(), repository, digest.FromBytes(raw).String(), mediaType, raw)
	if err != nil {
		t.Fatal(err)
	}
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
}

// image puts an image that has one layer twice, and an index of it for arm64.
func image(t *testing.T) (store *registry.Store, image, index, config ocispec.Descriptor) {
	t.Helper()
	store, err := registry.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	layer := put(t, store, ocispec.MediaTypeImageLayerGzip, []byte("layer"))
	config = put(t, store, ocispec.MediaTypeImageConfig, []byte(`{"os":"linux"}`))
	v := specs.Versioned{SchemaVersion: 2}
	image = manifest(t, store, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: v, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{layer, layer},
	})
	arm := image
	arm.Platform = &ocispec.Platform{OS: "linux", Architecture: "arm64"}
	index = manifest(t, store, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: v, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{arm},
	})
	return store, image, index, config
}

// The archive has the manifest and the configuration with their digests, each blob
// once, and both listings.
func TestArchiveHasTheVeryBytes(t *testing.T) {
	t.Parallel()
	store, image, index, config := image(t)
	found, err := archive.Find(store, repository, index.Digest.String(), "arm64")
	if err != nil {
		t.Fatal(err)
	}
	if found.Manifest != image.Digest || found.Config != config.Digest {
		t.Errorf("found %s and %s, expected %s and %s", found.Manifest, found.Config, image.Digest, config.Digest)
	}
	var out bytes.Buffer
	if err := found.Write(&out, "envctl/x:1"); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || files[h.Name] != "" {
			t.Fatalf("%s is there twice, or cannot be read: %v", h.Name, err)
		}
		files[h.Name] = string(text)
		if hex, ok := strings.CutPrefix(h.Name, "blobs/sha256/"); ok && digest.FromBytes(text).Encoded() != hex {
			t.Errorf("%s is not what its name says", h.Name)
		}
	}
	for _, name := range []string{"oci-layout", "index.json", "manifest.json", "blobs/sha256/" + image.Digest.Encoded()} {
		if files[name] == "" {
			t.Errorf("no %s", name)
		}
	}
	if len(files) != 6 {
		t.Errorf("%d files, expected 6", len(files))
	}
	want := `[{"Config":"blobs/sha256/` + config.Digest.Encoded() + `","RepoTags":["envctl/x:1"],"Layers":["blobs/sha256/`
	if got := files["manifest.json"]; !strings.HasPrefix(got, want) || strings.Count(got, "blobs/") != 3 {
		t.Errorf("manifest.json is %s", got)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	store, _, index, _ := image(t)
	var platform *archive.PlatformError
	if _, err := archive.Find(store, repository, index.Digest.String(), "amd64"); !errors.As(err, &platform) || !strings.Contains(err.Error(), "linux/arm64") {
		t.Errorf("another architecture: %v", err)
	}
	none := "sha256:" + strings.Repeat("0", 64)
	if _, err := archive.Find(store, repository, none, "amd64"); !registry.IsNotFound(err) {
		t.Errorf("another digest: %v", err)
	}
}
