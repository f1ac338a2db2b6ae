package docker_test

import (
	"maps"
	"slices"

	"github.com/moby/moby/api/types/container"

	"github.com/envctl/envctl/local/docker"
)

// runSpec is a hardened run of the tests' tool.
func runSpec(own map[string]string, image string, args ...string) docker.RunSpec {
	return docker.RunSpec{
		Config: container.Config{Image: image, Cmd: slices.Clone(args), Labels: maps.Clone(own)},
		HostConfig: container.HostConfig{
			NetworkMode: "none", ReadonlyRootfs: true,
			CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
		},
	}
}
