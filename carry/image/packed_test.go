package image_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envctl/envctl/carry/image"
)

// content is what is in the only layer of an image.
func content(t *testing.T, i v1.Image) []byte {
	t.Helper()
	layers, err := i.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A packed program gives the image that the program itself gives, but for how its layer
// is compressed: the same content, digest of it, configuration and media types.
func TestPackedImagesAreTheSame(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 511, 512, 513, 100_000} { // about the blocks of a tar
		for _, oci := range []bool{false, true} {
			program := bytes.Repeat([]byte("p"), size)
			spec := image.Spec{Path: "/tool", Arch: "arm64", User: "65532:65532", OCI: oci, Labels: map[string]string{"a": "b"}}
			diff, err := image.DiffID(program, spec.Path)
			if err != nil {
				t.Fatal(err)
			}
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			_, _ = w.Write(program)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := image.NewPacked(spec, image.Packed{Content: packed.Bytes(), Size: int64(size), DiffID: diff})
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Image(got); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
			spec.Program = program
			want, err := image.New(spec)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(content(t, got), content(t, want)) {
				t.Errorf("%d bytes: the layers differ", size)
			}
			a, errA := got.ConfigName() // has the digest of the layer's content
			b, errB := want.ConfigName()
			if a != b || errA != nil || errB != nil {
				t.Errorf("%d bytes: configurations %s and %s, %v, %v", size, a, b, errA, errB)
			}
			for i, media := range []func(v1.Image) types.MediaType{
				func(i v1.Image) types.MediaType { m, _ := i.MediaType(); return m },
				func(i v1.Image) types.MediaType { m, _ := i.Manifest(); return m.Layers[0].MediaType },
			} {
				if media(got) != media(want) {
					t.Errorf("%d: %s, want %s", i, media(got), media(want))
				}
			}
		}
	}
}

func TestPackedImagesThatCannotBe(t *testing.T) {
	t.Parallel()
	diff, err := image.DiffID(nil, "/tool")
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() (v1.Image, error){
		"a program twice": func() (v1.Image, error) {
			return image.NewPacked(image.Spec{Path: "/tool", Program: []byte("p")}, image.Packed{DiffID: diff})
		},
		"with folders": func() (v1.Image, error) {
			return image.NewPacked(image.Spec{Path: "/tool", Folders: []string{"/run"}}, image.Packed{DiffID: diff})
		},
		"without its digest": func() (v1.Image, error) { return image.NewPacked(image.Spec{Path: "/tool"}, image.Packed{}) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}
