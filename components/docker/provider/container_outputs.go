package provider

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// networkData is one entry of the output networkDatas.
type networkData struct {
	Gateway                string `pulumi:"gateway"`
	GlobalIpv6Address      string `pulumi:"globalIpv6Address"`
	GlobalIpv6PrefixLength int    `pulumi:"globalIpv6PrefixLength"`
	IPAddress              string `pulumi:"ipAddress"`
	IPPrefixLength         int    `pulumi:"ipPrefixLength"`
	Ipv6Gateway            string `pulumi:"ipv6Gateway"`
	MacAddress             string `pulumi:"macAddress"`
	NetworkName            string `pulumi:"networkName"`
}

// containerFacts are the outputs that the engine tells.
type containerFacts struct {
	Bridge       string        `pulumi:"bridge"`
	ExitCode     int           `pulumi:"exitCode"`
	NetworkDatas []networkData `pulumi:"networkDatas"`
}

// containerOutputs is the inputs, secrets as marked, with what the engine says:
// facts always, and its choice for each property that was left open.
func containerOutputs(inputs property.Map, in containerInputs, live *container.InspectResponse) property.Map {
	if live == nil {
		return inputs
	}
	facts := containerFacts{ExitCode: live.State.ExitCode, NetworkDatas: []networkData{}}
	for _, name := range slices.Sorted(maps.Keys(live.NetworkSettings.Networks)) {
		ep := live.NetworkSettings.Networks[name]
		d := networkData{NetworkName: name, IPPrefixLength: ep.IPPrefixLen, GlobalIpv6PrefixLength: ep.GlobalIPv6PrefixLen,
			MacAddress: ep.MacAddress.String()}
		for _, a := range []struct {
			to   *string
			from interface {
				IsValid() bool
				String() string
			}
		}{{&d.Gateway, ep.Gateway}, {&d.IPAddress, ep.IPAddress}, {&d.Ipv6Gateway, ep.IPv6Gateway}, {&d.GlobalIpv6Address, ep.GlobalIPv6Address}} {
			if a.from.IsValid() {
				*a.to = a.from.String()
			}
		}
		facts.NetworkDatas = append(facts.NetworkDatas, d)
	}
	out := overlay(inputs, encode(facts))
	for k, v := range encode(engineChoices(*live)).All {
		if given, ok := inputs.GetOk(k); !ok || given.IsNull() {
			out = out.Set(k, v)
		}
	}
	if len(in.Ports) > 0 {
		out = out.Set("ports", encode(containerInputs{Ports: publishedPorts(in.Ports, live.NetworkSettings.Ports)}).Get("ports"))
	}
	if in.MemorySwap != 0 || in.Memory != 0 { // -1 where the engine cannot limit swap
		out = out.Set("memorySwap", property.New(swapMB(live.HostConfig.MemorySwap)))
	}
	return out
}

// publishedPorts is ports with the host's port that the engine chose where the
// program left it open. A container that does not run has none.
func publishedPorts(ports []portInput, live network.PortMap) []portInput {
	out := slices.Clone(ports)
	for i, po := range out {
		port, err := network.ParsePort(strconv.Itoa(po.Internal) + "/" + orElse(po.Protocol, "tcp"))
		if err != nil || po.External != 0 {
			continue
		}
		for _, b := range live[port] {
			if n, err := strconv.Atoi(b.HostPort); err == nil && (po.IP == "" || b.HostIP.String() == po.IP) {
				out[i].External = n
			}
		}
	}
	return out
}

// choices are the properties that the engine decides where a program does not.
type choices struct {
	Entrypoints  []string `pulumi:"entrypoints"`
	Hostname     string   `pulumi:"hostname"`
	Init         bool     `pulumi:"init"`
	IpcMode      string   `pulumi:"ipcMode"`
	LogDriver    string   `pulumi:"logDriver"`
	Name         string   `pulumi:"name"`
	Runtime      string   `pulumi:"runtime"`
	SecurityOpts []string `pulumi:"securityOpts"`
	ShmSize      int64    `pulumi:"shmSize"`
	StopSignal   string   `pulumi:"stopSignal"`
	StopTimeout  int      `pulumi:"stopTimeout"`
}

func engineChoices(live container.InspectResponse) choices {
	cfg, host := live.Config, live.HostConfig
	c := choices{Entrypoints: cfg.Entrypoint, Hostname: cfg.Hostname, IpcMode: string(host.IpcMode), LogDriver: host.LogConfig.Type,
		Name: strings.TrimPrefix(live.Name, "/"), Runtime: host.Runtime, SecurityOpts: host.SecurityOpt, ShmSize: host.ShmSize / mebi,
		StopSignal: cfg.StopSignal, Init: host.Init != nil && *host.Init}
	if cfg.StopTimeout != nil {
		c.StopTimeout = *cfg.StopTimeout
	}
	return c
}

// keepLogs carries over the output that create has kept of an attached container.
func keepLogs(out, state property.Map) property.Map {
	if text, ok := state.GetOk("containerLogs"); ok {
		return out.Set("containerLogs", text)
	}
	return out
}
