package runner_test

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// withLabel makes another image of the same content.
func withLabel(value string) func(*ocispec.Image) {
	return func(i *ocispec.Image) { i.Config.Labels["change"] = value }
}
