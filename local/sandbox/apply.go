package sandbox

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// Apply writes the profile into a request to create a container. It overwrites
// every setting that it is about and leaves the rest, such as the image, the
// command and the ports of a gateway, as it is.
func (p Profile) Apply(config *container.Config, host *container.HostConfig) {
	config.User = p.User

	host.Runtime = p.Runtime
	host.Privileged = false
	host.CapAdd, host.CapDrop = nil, slices.Clone(p.CapDrop)
	host.SecurityOpt = slices.Clone(p.SecurityOpts)
	host.ReadonlyRootfs = p.ReadOnly
	host.Init = &p.Init
	host.Tmpfs = maps.Clone(p.Tmpfs)
	host.ShmSize = p.ShmSize
	host.Binds, host.Mounts, host.VolumesFrom = nil, p.mounts(), nil
	host.MaskedPaths, host.ReadonlyPaths = nil, nil // nil: the engine's own lists

	host.PidMode, host.UTSMode, host.UsernsMode, host.Cgroup = "", "", "", ""
	host.IpcMode = container.IpcMode(p.IpcMode)
	host.CgroupnsMode = container.CgroupnsMode(p.CgroupnsMode)
	host.GroupAdd, host.Sysctls = nil, maps.Clone(p.Sysctls)

	if len(p.Networks) > 0 {
		host.NetworkMode = container.NetworkMode(p.Networks[0])
	}
	host.DNS = nil
	for _, server := range p.DNS {
		host.DNS = append(host.DNS, netip.MustParseAddr(server))
	}
	host.DNSSearch, host.DNSOptions = slices.Clone(p.DNSSearch), slices.Clone(p.DNSOptions)
	host.ExtraHosts, host.Links = slices.Clone(p.Hosts), nil
	host.PublishAllPorts = false
	if !p.Publish {
		host.PortBindings = nil
	}

	host.OomScoreAdj = p.OOMScoreAdj
	host.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyMode(p.Restart), MaximumRetryCount: p.MaxRetries}
	host.LogConfig = container.LogConfig{Type: p.LogDriver, Config: maps.Clone(p.LogOpts)}
	host.Resources = p.resources()
}

// resources are all limits; what is not limited here is left to the engine.
func (p Profile) resources() container.Resources {
	r := container.Resources{
		Memory: p.Memory, MemorySwap: p.MemorySwap,
		CPUPeriod: p.CPUPeriod, CPUQuota: p.CPUQuota, PidsLimit: &p.PidsLimit,
	}
	for _, u := range p.Ulimits {
		r.Ulimits = append(r.Ulimits, &container.Ulimit{Name: u.Name, Soft: u.Value, Hard: u.Value})
	}
	return r
}

// mounts are the volumes in the engine's terms. What an image has at that place is
// copied into a volume that can be written to, with its owner, and into no other.
func (p Profile) mounts() []mount.Mount {
	var out []mount.Mount
	for _, v := range p.Volumes {
		out = append(out, mount.Mount{
			Type: mount.TypeVolume, Source: v.Name, Target: v.Path, ReadOnly: v.ReadOnly,
			VolumeOptions: &mount.VolumeOptions{NoCopy: v.ReadOnly},
		})
	}
	return out
}
