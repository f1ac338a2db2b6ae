package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
	"github.com/envctl/envctl/local/registry/archive"
)

func open(t testing.TB) *registry.Store {
	t.Helper()
	s, err := registry.Open(filepath.Join(t.TempDir(), "registry"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// entry is a file of an archive; a link where to is set.
type entry struct {
	name, to string
	content  []byte
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: 0o644, Size: int64(len(e.content))}
		if e.to != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.to
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// classic is what an engine of the classic store saves: two layers, the second of
// which is there twice.
type classic struct {
	id      string
	layers  [2][]byte
	entries []entry
}

func newClassic(t testing.TB) classic {
	t.Helper()
	c := classic{layers: [2][]byte{pack(t, entry{name: "a", content: bytes.Repeat([]byte("a"), 5000)}), pack(t, entry{name: "b"})}}
	config := marshal(t, ocispec.Image{RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{
		digest.FromBytes(c.layers[0]), digest.FromBytes(c.layers[1]), digest.FromBytes(c.layers[1]),
	}}})
	id := digest.FromBytes(config)
	c.id = id.String()
	c.entries = []entry{
		{name: "1/layer.tar", content: c.layers[0]},
		{name: "2/layer.tar", content: c.layers[1]},
		{name: "3/layer.tar", to: "../2/layer.tar"},
		{name: id.Encoded() + ".json", content: config},
		{name: "manifest.json", content: marshal(t, []map[string]any{{
			"Config": id.Encoded() + ".json", "RepoTags": nil, "Layers": []string{"1/layer.tar", "2/layer.tar", "3/layer.tar"},
		}})},
	}
	return c
}

func (c classic) importInto(t testing.TB, s *registry.Store, repository, tag string) (digest.Digest, error) {
	t.Helper()
	return archive.Import(t.Context(), archive.Request{
		Store: s, Repository: repository, Tag: tag, ImageID: c.id, Archive: bytes.NewReader(pack(t, c.entries...)),
	})
}

func TestTheSameImageHasTheSameDigest(t *testing.T) {
	t.Parallel()
	c, s := newClassic(t), open(t)
	first, err := c.importInto(t, s, "x/app", "v1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.importInto(t, s, "x/other", "v1")
	if err != nil || again != first {
		t.Errorf("%s, then %s: %v", first, again, err)
	}
	elsewhere, err := c.importInto(t, open(t), "x/app", "v1")
	if err != nil || elsewhere != first {
		t.Errorf("%s, then %s: %v", first, elsewhere, err)
	}
	if _, ok, err := s.Complete("x/app", "v1"); !ok || err != nil {
		t.Errorf("complete: %v, %v", ok, err)
	}
	if config, err := archive.Config(s, "x/app", first); err != nil || config.String() != c.id {
		t.Errorf("config %s, %v", config, err)
	}
	noTemporary(t, s)
}

// noTemporary fails the test where something on its way was left.
func noTemporary(t testing.TB, s *registry.Store) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.Dir(), "tmp"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != filepath.Join(s.Dir(), "tmp") {
			t.Errorf("left: %s", path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// An OCI layout is taken byte for byte, the whole index of several platforms.
func TestAnIndexIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	s := open(t)
	layer, config := []byte("layer"), []byte(`{"architecture":"amd64"}`)
	describe := func(mediaType string, b []byte) ocispec.Descriptor {
		return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
	}
	manifest := []byte(`{ "schemaVersion": 2, "mediaType": "` + ocispec.MediaTypeImageManifest + `",
		"config": ` + string(marshal(t, describe(ocispec.MediaTypeImageConfig, config))) + `,
		"layers": [` + string(marshal(t, describe(ocispec.MediaTypeImageLayerGzip, layer))) + `] }`)
	child := describe(ocispec.MediaTypeImageManifest, manifest)
	child.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	index := marshal(t, ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{child}})
	top := marshal(t, ocispec.Index{Manifests: []ocispec.Descriptor{describe(ocispec.MediaTypeImageIndex, index)}})
	blob := func(b []byte) entry {
		return entry{name: "./blobs/sha256/" + digest.FromBytes(b).Encoded(), content: b}
	}
	id := digest.FromBytes(index)
	d, err := archive.Import(t.Context(), archive.Request{
		Store: s, Repository: "x/app", Tag: "v1", ImageID: id.String(),
		Archive: bytes.NewReader(pack(t, blob(layer), blob(config), blob(manifest), blob(index),
			entry{name: "index.json", content: top}, entry{name: "oci-layout", content: []byte(`{}`)},
			entry{name: "manifest.json", content: []byte(`[]`)})),
	})
	if err != nil || d != id {
		t.Fatalf("%s, expected %s: %v", d, id, err)
	}
	m, err := s.Resolve("x/app", "v1")
	if err != nil || !bytes.Equal(m.Raw, index) {
		t.Errorf("%s, %v", m.Raw, err)
	}
	// And out again, as either kind of engine loads it.
	var out bytes.Buffer
	if err := archive.Export(t.Context(), s, "x/app", d, "amd64", "name:tag", &out); err != nil {
		t.Fatal(err)
	}
	other := open(t)
	if again, err := archive.Import(t.Context(), archive.Request{
		Store: other, Repository: "x/app", Tag: "v1", ImageID: id.String(), Archive: bytes.NewReader(out.Bytes()),
	}); err != nil || again != id {
		t.Errorf("after a trip: %s, %v", again, err)
	}
	if !strings.Contains(out.String(), `"RepoTags":["name:tag"]`) || !strings.Contains(out.String(), `"io.containerd.image.name":"docker.io/library/name:tag"`) {
		t.Error("the name is not in the archive")
	}
	if err := archive.Export(t.Context(), s, "x/app", d, "arm64", "", io.Discard); err == nil || !strings.Contains(err.Error(), "no image for linux/arm64") {
		t.Errorf("for another architecture: %v", err)
	}
}

// Whatever is wrong with an archive, nothing gets the tag and nothing is left on
// its way.
func TestArchivesThatAreRefused(t *testing.T) {
	t.Parallel()
	c := newClassic(t)
	without := func(i int) []entry { return append(append([]entry{}, c.entries[:i]...), c.entries[i+1:]...) }
	swapped := append([]entry{}, c.entries...)
	swapped[0].content = pack(t, entry{name: "evil"})
	whole := pack(t, c.entries...)
	for name, test := range map[string]struct {
		raw  []byte
		says string
	}{
		"empty":             {nil, "empty"},
		"no archive":        {bytes.Repeat([]byte("x"), 2000), "cannot be read"},
		"cut":               {whole[:3000], "unexpected EOF"},
		"no manifest":       {pack(t, without(4)...), "manifest.json"},
		"no config":         {pack(t, without(3)...), "has no"},
		"no layer":          {pack(t, without(1)...), "has no"},
		"a changed layer":   {pack(t, swapped...), "damaged"},
		"another image":     {pack(t, entry{name: "manifest.json", content: []byte("[]")}), "has no image"},
		"a circle of links": {pack(t, append([]entry{{name: "2/layer.tar", to: "../3/layer.tar"}}, without(1)...)...), "has no"},
	} {
		s := open(t)
		_, err := archive.Import(t.Context(), archive.Request{
			Store: s, Repository: "x/app", Tag: "v1", ImageID: c.id, Archive: bytes.NewReader(test.raw),
		})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if tags, err := s.Tags("x/app"); len(tags) > 0 || err != nil {
			t.Errorf("%s: tags %v, %v", name, tags, err)
		}
		noTemporary(t, s)
		if empty, err := s.Collect(t.Context()); !empty || err != nil {
			t.Errorf("%s: something is left: %v, %v", name, empty, err)
		}
	}
}

func TestAnImportThatIsEnded(t *testing.T) {
	t.Parallel()
	c, s := newClassic(t), open(t)
	ctx, cancel := context.WithCancel(t.Context())
	whole := pack(t, c.entries...)
	_, err := archive.Import(ctx, archive.Request{
		Store: s, Repository: "x/app", Tag: "v1", ImageID: c.id,
		Archive: io.MultiReader(bytes.NewReader(whole[:6000]), ending(cancel), bytes.NewReader(whole[6000:])),
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	noTemporary(t, s)
	if _, err := c.importInto(t, s, "x/app", "v1"); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

type ending func()

func (e ending) Read([]byte) (int, error) { e(); return 0, io.EOF }

func TestATagOfAnotherImageIsRefused(t *testing.T) {
	t.Parallel()
	c, s := newClassic(t), open(t)
	if _, err := c.importInto(t, s, "x/app", "v1"); err != nil {
		t.Fatal(err)
	}
	config := []byte(`{"rootfs":{"type":"layers","diff_ids":[]}}`)
	id := digest.FromBytes(config)
	_, err := archive.Import(t.Context(), archive.Request{
		Store: s, Repository: "x/app", Tag: "v1", ImageID: id.String(), Archive: bytes.NewReader(pack(t,
			entry{name: "c.json", content: config}, entry{name: "manifest.json", content: []byte(`[{"Config":"c.json"}]`)})),
	})
	var moved *registry.MovedError
	if !errors.As(err, &moved) {
		t.Errorf("%v", err)
	}
}

// FuzzImport holds that no archive makes Import fail of itself or leave something.
func FuzzImport(f *testing.F) {
	c := newClassic(f)
	f.Add(pack(f, c.entries...))
	f.Add(pack(f, entry{name: "../../x", content: []byte("y")}, entry{name: "oci-layout"}, entry{name: "index.json", content: []byte(`{"manifests":[{"digest":"` + c.id + `"}]}`)}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := open(t)
		d, err := archive.Import(t.Context(), archive.Request{
			Store: s, Repository: "x/app", Tag: "v1", ImageID: c.id, Archive: bytes.NewReader(raw),
		})
		if _, ok, completeErr := s.Complete("x/app", "v1"); ok != (err == nil) || completeErr != nil {
			t.Errorf("import %s, %v; complete %v, %v", d, err, ok, completeErr)
		}
		noTemporary(t, s)
	})
}
