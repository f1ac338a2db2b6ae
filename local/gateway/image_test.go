package gateway_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/envctl/envctl/carry/carrytest"
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
			sum := carrytest.Image(t, image, arch, "gateway", map[string]string{"dev.envctl.gateway-of": "exp.default"}, "run/", "run/envctl/", "run/envctl/trust/")
			if want := "envctl/exp.default/gateway:" + sum; ref != want {
				t.Errorf("ref %s, expected %s", ref, want)
			}
		})
	}
}

// An engine can lose an image that gets a name while it loses its last other one.
func TestEveryOwnerHasAnImage(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, owner := range []string{"exp.default", "exp.other", "exp.default"} {
		archive, ref, err := gateway.Image("amd64", owner)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		image, err := tarball.Image(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		id, err := image.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		t.Log(ref, id)
		ids[id.String()] = true
	}
	if len(ids) != 2 {
		t.Errorf("%d images of two owners", len(ids))
	}
}

func TestImageOfAnotherArchitectureIsAnError(t *testing.T) {
	t.Parallel()
	_, _, err := gateway.Image("riscv64", "exp.default")
	if err == nil || !strings.Contains(err.Error(), `"riscv64"`) {
		t.Errorf("error %v, expected one that names riscv64", err)
	}
}
