package docker

import (
	"slices"
	"testing"

	"github.com/moby/moby/api/types/image"
)

// TestFromRegistries: the containerd store names a digest for every image, also
// for one that was built or loaded here and that no registry can give anybody.
func TestFromRegistries(t *testing.T) {
	t.Parallel()
	const sum = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	pulled := func(repositories ...string) *image.Identity {
		identity := &image.Identity{}
		for _, r := range repositories {
			identity.Pull = append(identity.Pull, image.PullIdentity{Repository: r})
		}
		return identity
	}
	for name, c := range map[string]struct {
		digests []string
		origin  *image.Identity
		want    []string
	}{
		"loaded":           {[]string{"team/app" + sum}, nil, nil},
		"built":            {[]string{"team/app" + sum}, &image.Identity{Build: []image.BuildIdentity{{Ref: "x"}}}, nil},
		"pulled":           {[]string{"busybox" + sum}, pulled("docker.io/library/busybox"), []string{"busybox" + sum}},
		"another name":     {[]string{"team/app" + sum, "127.0.0.1:5000/app" + sum}, pulled("127.0.0.1:5000/app"), []string{"127.0.0.1:5000/app" + sum}},
		"not a reference":  {[]string{"Team/App" + sum}, pulled("docker.io/team/app"), nil},
		"nothing is known": {nil, pulled("docker.io/team/app"), nil},
	} {
		if got := fromRegistries(c.digests, c.origin); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
