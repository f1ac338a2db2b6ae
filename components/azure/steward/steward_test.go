package steward_test

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envctl/envctl/carry/carrytest"
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
			sum := carrytest.Image(t, image, arch, "steward", nil)
			if tag, err := steward.Tag(arch); err != nil || tag != sum {
				t.Errorf("tag %s, %v, expected the program's hash %s", tag, err, sum)
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
		})
	}
}

func TestImageOfAnotherArchitectureIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := steward.Image("riscv64"); err == nil || !strings.Contains(err.Error(), `"riscv64"`) {
		t.Errorf("error %v, expected one that names riscv64", err)
	}
}
