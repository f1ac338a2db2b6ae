package provider

import (
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

type (
	containerLive = container.InspectResponse
	resources     = container.Resources
	policy        = container.RestartPolicy
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *box) limit(t *testing.T, r resources) {
	t.Helper()
	_, err := b.ContainerUpdate(t.Context(), b.cont.id, client.ContainerUpdateOptions{Resources: &r, RestartPolicy: &policy{}})
	must(t, err)
}

func hasDiff(d *pulumirpc.DiffResponse, key string) bool {
	_, ok := d.DetailedDiff[key]
	return ok
}
