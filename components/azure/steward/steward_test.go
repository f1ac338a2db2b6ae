package steward_test

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envctl/envctl/components/azure/steward"
)

func TestImageHoldsTheProgramAlone(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			image, err := steward.Image(arch)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate.Image(image); err != nil {
				t.Error(err)
			}
			checkConfig(t, image, arch)
			checkLayer(t, image, arch)
		})
	}
}

func checkConfig(t *testing.T, image v1.Image, arch string) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{Entrypoint: []string{"/steward"}, User: "65532:65532", Labels: map[string]string{"dev.envctl.kind": "steward"}}
	if diff := cmp.Diff(want, file.Config); diff != "" || file.OS != "linux" || file.Architecture != arch {
		t.Errorf("for %s/%s: %s", file.OS, file.Architecture, diff)
	}
	again, err := steward.Digest(arch)
	if digest, _ := image.Digest(); err != nil || digest.String() != again {
		t.Errorf("made twice, the digests are %s and %s, %v", digest, again, err)
	}
	manifest, err := image.Manifest()
	if err != nil || manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON ||
		manifest.Layers[0].MediaType != types.OCILayer {
		t.Errorf("manifest %+v, %v, expected the OCI's types", manifest, err)
	}
}

func checkLayer(t *testing.T, image v1.Image, arch string) {
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
	if err != nil || header.Name != "steward" || header.Mode != 0o555 || header.Uid != 0 {
		t.Fatalf("file %+v, %v, expected steward of root with mode 0555", header, err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, files); err != nil {
		t.Fatal(err)
	}
	if tag, err := steward.Tag(arch); err != nil || tag != fmt.Sprintf("%x", sum.Sum(nil)[:8]) {
		t.Errorf("tag %s, %v, expected the program's hash", tag, err)
	}
	if _, err := files.Next(); err != io.EOF {
		t.Errorf("after the program %v, expected the end", err)
	}
}

func TestImageOfAnotherArchitectureIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := steward.Image("riscv64"); err == nil || !strings.Contains(err.Error(), `"riscv64"`) {
		t.Errorf("error %v, expected one that names riscv64", err)
	}
}
