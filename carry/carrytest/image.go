package carrytest

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// user is who the program of an image runs as; the same as group.
const user = 65532

// Image fails unless an image is a valid one for an architecture that holds and runs one
// program, owned by root, and beside it these empty folders (as in "run/"), owned by the
// user that it runs as. Its labels are those and its kind. It returns the first 16 hex
// digits of the program's SHA-256.
func Image(t *testing.T, image v1.Image, arch, program string, labels map[string]string, folders ...string) string {
	t.Helper()
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{Entrypoint: []string{"/" + program}, User: "65532:65532", Labels: map[string]string{"dev.envctl.kind": program}}
	maps.Copy(want.Labels, labels)
	if diff := cmp.Diff(want, file.Config); diff != "" || file.OS != "linux" || file.Architecture != arch {
		t.Errorf("for %s/%s: %s", file.OS, file.Architecture, diff)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v, expected one", len(layers), err)
	}
	layer, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer layer.Close()
	return checkFiles(t, tar.NewReader(layer), program, folders)
}

func checkFiles(t *testing.T, files *tar.Reader, program string, folders []string) string {
	t.Helper()
	header, err := files.Next()
	if err != nil || header.Name != program || header.Mode != 0o555 || header.Uid != 0 || header.Gid != 0 {
		t.Fatalf("file %+v, %v, expected %s of root with mode 0555", header, err, program)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, files); err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		header, err := files.Next()
		if err != nil || header.Name != folder || header.Mode != 0o755 || header.Uid != user || header.Gid != user {
			t.Errorf("%+v, %v, expected the folder %s of the image's user", header, err, folder)
		}
	}
	if _, err := files.Next(); err != io.EOF {
		t.Errorf("after that %v, expected the end", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
