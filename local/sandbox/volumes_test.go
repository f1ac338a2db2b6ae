package sandbox_test

import (
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"github.com/envctl/envctl/local/sandbox"
)

// What a profile names, a volume and where names lead, is all that there may be.
func TestVerifyKnowsNamedVolumesAndHosts(t *testing.T) {
	t.Parallel()
	p := sandbox.New(sandbox.App, workload(), "n")
	p.Hosts = []string{"gateway:198.19.0.126"}
	p.Volumes = []sandbox.Volume{{Name: "trust", Path: "/run/trust", ReadOnly: true}}
	report := func(change func(*container.InspectResponse)) container.InspectResponse {
		got := inspected(p)
		got.Mounts = []container.MountPoint{{Type: mount.TypeVolume, Name: "trust", Destination: "/run/trust"}}
		if change != nil {
			change(&got)
		}
		return got
	}
	if d := sandbox.Verify(report(nil), p); len(d) > 0 {
		t.Fatalf("as it was asked for: %v", d)
	}
	for name, change := range map[string]func(*container.InspectResponse){
		"writable":     func(c *container.InspectResponse) { c.HostConfig.Mounts[0].ReadOnly = false },
		"writable now": func(c *container.InspectResponse) { c.Mounts[0].RW = true },
		"another":      func(c *container.InspectResponse) { c.HostConfig.Mounts[0].Source = "other" },
		"elsewhere":    func(c *container.InspectResponse) { c.Mounts[0].Destination = "/etc" },
		"a folder":     func(c *container.InspectResponse) { c.HostConfig.Mounts[0].Type = mount.TypeBind },
		"one more": func(c *container.InspectResponse) {
			c.HostConfig.Mounts = append(c.HostConfig.Mounts, mount.Mount{Source: "x"})
		},
		"none":         func(c *container.InspectResponse) { c.HostConfig.Mounts = nil },
		"another host": func(c *container.InspectResponse) { c.HostConfig.ExtraHosts = []string{"gateway:192.0.2.1"} },
		"one more host": func(c *container.InspectResponse) {
			c.HostConfig.ExtraHosts = append(c.HostConfig.ExtraHosts, "a:192.0.2.1")
		},
	} {
		if d := sandbox.Verify(report(change), p); len(d) == 0 {
			t.Errorf("%s: no difference", name)
		}
	}
}
