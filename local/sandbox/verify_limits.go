package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// network judges who a container can talk to and who can talk to it.
func (r *report) network(got container.InspectResponse, want Profile) {
	host := got.HostConfig
	attached := slices.Sorted(maps.Keys(got.NetworkSettings.Networks))
	r.same("NetworkSettings.Networks", slices.Sorted(slices.Values(want.Networks)), attached)
	if mode := string(host.NetworkMode); !slices.Contains(want.Networks, mode) && !attachedByID(got, mode) {
		r.add("HostConfig.NetworkMode", want.Networks, mode)
	}
	r.same("HostConfig.Dns", want.DNS, host.DNS)
	r.same("HostConfig.DnsSearch", want.DNSSearch, host.DNSSearch)
	r.same("HostConfig.ExtraHosts", slices.Sorted(slices.Values(want.Hosts)), slices.Sorted(slices.Values(host.ExtraHosts)))
	none(r, "HostConfig.Links", host.Links)
	r.same("HostConfig.PublishAllPorts", false, host.PublishAllPorts)
	ports := slices.SortedFunc(maps.Keys(host.PortBindings), func(a, b network.Port) int { return cmp.Compare(a.String(), b.String()) })
	for _, port := range ports {
		for _, b := range host.PortBindings[port] {
			switch {
			case !want.Publish:
				r.add("HostConfig.PortBindings", "none", fmt.Sprintf("%s at %s:%s", port, b.HostIP, b.HostPort))
			case !b.HostIP.IsLoopback(): // no address at all is every address
				r.add("HostConfig.PortBindings", port.String()+" at 127.0.0.1", fmt.Sprintf("%s at %s", port, b.HostIP))
			}
		}
	}
}

// attachedByID says whether mode is the ID of a network it is attached to.
func attachedByID(got container.InspectResponse, mode string) bool {
	for _, endpoint := range got.NetworkSettings.Networks {
		if endpoint != nil && endpoint.NetworkID != "" && endpoint.NetworkID == mode {
			return true
		}
	}
	return false
}

func (r *report) limits(host *container.HostConfig, want Profile) {
	r.same("HostConfig.Memory", want.Memory, host.Memory)
	r.same("HostConfig.MemorySwap", want.MemorySwap, host.MemorySwap)
	r.same("HostConfig.PidsLimit", want.PidsLimit, value(host.PidsLimit))
	r.same("HostConfig.CpuQuota", nanoCPUs(0, want.CPUQuota, want.CPUPeriod), nanoCPUs(host.NanoCPUs, host.CPUQuota, host.CPUPeriod))
	r.same("HostConfig.OomScoreAdj", want.OOMScoreAdj, host.OomScoreAdj)
	if host.OomKillDisable != nil && *host.OomKillDisable {
		r.add("HostConfig.OomKillDisable", false, true)
	}
	r.same("HostConfig.CpuRealtimeRuntime", 0, host.CPURealtimeRuntime)
	for _, u := range want.Ulimits {
		at := slices.IndexFunc(host.Ulimits, func(g *container.Ulimit) bool { return g.Name == u.Name })
		got := "the engine's default"
		if at >= 0 {
			got = fmt.Sprintf("%d:%d", host.Ulimits[at].Soft, host.Ulimits[at].Hard)
		}
		r.same("HostConfig.Ulimits."+u.Name, fmt.Sprintf("%d:%d", u.Value, u.Value), got)
	}
}

// value of a limit that is nil where there is none.
func value(limit *int64) int64 {
	if limit == nil {
		return 0
	}
	return *limit
}

// nanoCPUs brings the engine's two forms of a processor limit into one: billionths
// of a processor, 0 for no limit.
func nanoCPUs(nano, quota, period int64) int64 {
	switch {
	case nano != 0:
		return nano
	case quota <= 0:
		return 0
	case period == 0:
		period = cpuPeriod
	}
	return quota * 1_000_000_000 / period
}
