package gateway_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envctl/envctl/local/gateway"
)

func archiveOf(t *testing.T, arch string) ([]byte, string) {
	t.Helper()
	archive, ref, err := gateway.Image(arch, "exp.default")
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	return content, ref
}

func TestImageHoldsTheProgramAlone(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			content, ref := archiveOf(t, arch)
			again, _ := archiveOf(t, arch)
			if !bytes.Equal(content, again) {
				t.Error("made twice, the archives differ")
			}
			tag, err := name.NewTag(ref)
			if err != nil {
				t.Fatal(err)
			}
			open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
			image, err := tarball.Image(open, &tag)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Image(image); err != nil {
				t.Error(err)
			}
			checkConfig(t, image, arch)
			checkLayer(t, image, ref)
		})
	}
}

func checkConfig(t *testing.T, image v1.Image, arch string) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{Entrypoint: []string{"/gateway"}, User: "65532:65532", Labels: map[string]string{"dev.envctl.kind": "gateway"}}
	if diff := cmp.Diff(want, file.Config); diff != "" || file.OS != "linux" || file.Architecture != arch {
		t.Errorf("for %s/%s: %s", file.OS, file.Architecture, diff)
	}
}

func checkLayer(t *testing.T, image v1.Image, ref string) {
	t.Helper()
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v, expected one", len(layers), err)
	}
	layer, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer layer.Close()
	files := tar.NewReader(layer)
	header, err := files.Next()
	if err != nil {
		t.Fatal(err)
	}
	if header.Name != "gateway" || header.Mode != 0o555 || header.Uid != 0 || header.Gid != 0 {
		t.Errorf("file %+v, expected gateway of root with mode 0555", header)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, files); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("envctl/exp.default/gateway:%x", sum.Sum(nil)[:8]); ref != want {
		t.Errorf("ref %s, expected %s", ref, want)
	}
	if _, err := files.Next(); err != io.EOF {
		t.Errorf("after the program %v, expected the end", err)
	}
}

func TestImageOfAnotherArchitectureIsAnError(t *testing.T) {
	t.Parallel()
	_, _, err := gateway.Image("riscv64", "exp.default")
	if err == nil || !strings.Contains(err.Error(), `"riscv64"`) {
		t.Errorf("error %v, expected one that names riscv64", err)
	}
}
