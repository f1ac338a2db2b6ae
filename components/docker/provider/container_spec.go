package provider

import (
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

const mebi = 1 << 20

// spec is the engine's form of the inputs, with every network in it.
func (in containerInputs) spec() (client.ContainerCreateOptions, error) {
	cfg := &container.Config{
		Hostname: in.Hostname, Domainname: in.Domainname, User: in.User, Tty: in.Tty, OpenStdin: in.StdinOpen,
		Env: in.Envs, Cmd: in.Command, Image: in.Image, WorkingDir: in.WorkingDir, Entrypoint: in.Entrypoints,
		Labels: labelMap(in.Labels), StopSignal: in.StopSignal, StopTimeout: in.StopTimeout,
	}
	res, err := in.resources()
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	host := &container.HostConfig{
		Resources: res, RestartPolicy: in.restartPolicy(), AutoRemove: in.Rm,
		LogConfig:    container.LogConfig{Type: in.LogDriver, Config: in.LogOpts},
		CgroupnsMode: container.CgroupnsMode(in.CgroupnsMode), IpcMode: container.IpcMode(in.IpcMode),
		PidMode: container.PidMode(in.PidMode), UsernsMode: container.UsernsMode(in.UsernsMode),
		DNSOptions: in.DNSOpts, DNSSearch: in.DNSSearches, GroupAdd: in.GroupAdds,
		Privileged: in.Privileged, PublishAllPorts: in.PublishAllPorts, ReadonlyRootfs: in.ReadOnly,
		SecurityOpt: in.SecurityOpts, StorageOpt: in.StorageOpts, Tmpfs: in.Tmpfs, Sysctls: in.Sysctls,
		ShmSize: in.ShmSize * mebi, Runtime: in.Runtime, Init: in.Init,
	}
	if host.OomScoreAdj, err = in.oomScoreAdj(); err != nil {
		return client.ContainerCreateOptions{}, err
	}
	if c := in.Capabilities; c != nil {
		host.CapAdd, host.CapDrop = c.Adds, c.Drops
	}
	for _, h := range in.Hosts {
		host.ExtraHosts = append(host.ExtraHosts, h.Host+":"+h.IP)
	}
	for i, a := range in.DNS {
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return client.ContainerCreateOptions{}, &propertyError{fmt.Sprintf("dns[%d]", i), fmt.Sprintf("%q is not an IP address", a)}
		}
		host.DNS = append(host.DNS, addr)
	}
	if err := in.storage(host); err != nil {
		return client.ContainerCreateOptions{}, err
	}
	if cfg.ExposedPorts, host.PortBindings, err = in.portMap(); err != nil {
		return client.ContainerCreateOptions{}, err
	}
	if cfg.Healthcheck, err = in.health(); err != nil {
		return client.ContainerCreateOptions{}, err
	}
	nets, err := in.endpoints()
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	host.NetworkMode = container.NetworkMode(in.NetworkMode)
	if len(in.NetworksAdvanced) > 0 && (in.NetworkMode == "" || in.NetworkMode == "bridge") {
		host.NetworkMode = container.NetworkMode(in.NetworksAdvanced[0].Name)
	}
	return client.ContainerCreateOptions{Name: in.Name, Config: cfg, HostConfig: host, NetworkingConfig: nets}, nil
}

func (in containerInputs) restartPolicy() container.RestartPolicy {
	if in.Restart == "" {
		return container.RestartPolicy{Name: container.RestartPolicyDisabled, MaximumRetryCount: in.MaxRetryCount}
	}
	return container.RestartPolicy{Name: container.RestartPolicyMode(in.Restart), MaximumRetryCount: in.MaxRetryCount}
}

// resources are the limits. Where there is a memory limit and no word about
// swap, the engine's rule is as much swap as memory; it is spelled out because
// an update needs it.
func (in containerInputs) resources() (container.Resources, error) {
	r := container.Resources{
		CPUShares: in.CPUShares, CPUPeriod: in.CPUPeriod, CPUQuota: in.CPUQuota, CpusetCpus: in.CPUSet,
		Memory: bytesOf(in.Memory), MemoryReservation: bytesOf(in.MemoryReservation), MemorySwap: bytesOf(in.MemorySwap),
		CgroupParent: in.CgroupParent,
	}
	if r.MemorySwap == 0 {
		r.MemorySwap = 2 * r.Memory
	}
	if in.Cpus != "" {
		n, ok := new(big.Rat).SetString(in.Cpus)
		if !ok || n.Sign() <= 0 {
			return r, &propertyError{"cpus", fmt.Sprintf("%q is not a positive number of CPUs such as \"0.5\"", in.Cpus)}
		}
		nano, _ := n.Mul(n, big.NewRat(1e9, 1)).Float64()
		r.NanoCPUs = int64(nano)
		r.CPUPeriod, r.CPUQuota = 0, 0 // cpus has precedence
	}
	if v, ok := labelMap(in.Labels)[LabelPids]; ok {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 1 {
			return r, &propertyError{"labels", fmt.Sprintf("label %s=%q is not a number of processes from 1 up", LabelPids, v)}
		}
		r.PidsLimit = &n
	}
	for _, u := range in.Ulimits {
		r.Ulimits = append(r.Ulimits, &units.Ulimit{Name: u.Name, Hard: u.Hard, Soft: u.Soft})
	}
	for _, d := range in.Devices {
		r.Devices = append(r.Devices, container.DeviceMapping{PathOnHost: d.HostPath,
			PathInContainer: orElse(d.ContainerPath, d.HostPath), CgroupPermissions: orElse(d.Permissions, "rwm")})
	}
	switch in.Gpus {
	case "":
	case "all":
		r.DeviceRequests = []container.DeviceRequest{{Count: -1, Capabilities: [][]string{{"gpu"}}}}
	default:
		return r, &propertyError{"gpus", fmt.Sprintf("%q is not supported, expected \"all\"", in.Gpus)}
	}
	return r, nil
}

func (in containerInputs) oomScoreAdj() (int, error) {
	v, ok := labelMap(in.Labels)[LabelOOMScoreAdj]
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < -1000 || n > 1000 {
		return 0, &propertyError{"labels", fmt.Sprintf("label %s=%q is not a number from -1000 to 1000", LabelOOMScoreAdj, v)}
	}
	return n, nil
}

func bytesOf(mb float64) int64 {
	if mb < 0 {
		return -1
	}
	return int64(mb * mebi)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (in containerInputs) portMap() (network.PortSet, network.PortMap, error) {
	if len(in.Ports) == 0 {
		return nil, nil, nil
	}
	set, m := network.PortSet{}, network.PortMap{}
	for i, po := range in.Ports {
		port, err := network.ParsePort(strconv.Itoa(po.Internal) + "/" + orElse(po.Protocol, "tcp"))
		if err != nil || po.Internal < 1 || po.External < 0 || po.External > 65535 {
			return nil, nil, &propertyError{fmt.Sprintf("ports[%d]", i),
				fmt.Sprintf("internal %d and external %d are not ports from 1 to 65535", po.Internal, po.External)}
		}
		b := network.PortBinding{}
		if po.IP != "" {
			if b.HostIP, err = netip.ParseAddr(po.IP); err != nil {
				return nil, nil, &propertyError{fmt.Sprintf("ports[%d].ip", i), fmt.Sprintf("%q is not an IP address", po.IP)}
			}
		}
		if po.External != 0 {
			b.HostPort = strconv.Itoa(po.External)
		}
		set[port] = struct{}{}
		m[port] = append(m[port], b)
	}
	return set, m, nil
}

func (in containerInputs) health() (*container.HealthConfig, error) {
	h := in.Healthcheck
	if h == nil {
		return nil, nil
	}
	out := &container.HealthConfig{Test: h.Tests, Retries: h.Retries}
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{
		{"interval", h.Interval, &out.Interval}, {"timeout", h.Timeout, &out.Timeout},
		{"startPeriod", h.StartPeriod, &out.StartPeriod}, {"startInterval", h.StartInterval, &out.StartInterval},
	} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil || v < 0 {
			return nil, &propertyError{"healthcheck." + d.name, fmt.Sprintf("%q is not a duration such as 5s", d.text)}
		}
		*d.to = v
	}
	return out, nil
}

func (in containerInputs) endpoints() (*network.NetworkingConfig, error) {
	if len(in.NetworksAdvanced) == 0 {
		return nil, nil
	}
	out := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
	for i, n := range in.NetworksAdvanced {
		ep, err := n.endpoint()
		if err != nil {
			return nil, &propertyError{fmt.Sprintf("networksAdvanced[%d]", i), err.Error()}
		}
		out.EndpointsConfig[n.Name] = ep
	}
	return out, nil
}

func (n networkAttach) endpoint() (*network.EndpointSettings, error) {
	ep := &network.EndpointSettings{Aliases: n.Aliases}
	var v4, v6 netip.Addr
	var err error
	if n.Ipv4Address != "" {
		if v4, err = netip.ParseAddr(n.Ipv4Address); err != nil || !v4.Is4() {
			return nil, fmt.Errorf("ipv4Address %q is not an IPv4 address", n.Ipv4Address)
		}
	}
	if n.Ipv6Address != "" {
		if v6, err = netip.ParseAddr(n.Ipv6Address); err != nil || !v6.Is6() {
			return nil, fmt.Errorf("ipv6Address %q is not an IPv6 address", n.Ipv6Address)
		}
	}
	if v4.IsValid() || v6.IsValid() {
		ep.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: v4, IPv6Address: v6}
	}
	if n.MacAddress != "" {
		mac, err := net.ParseMAC(n.MacAddress)
		if err != nil {
			return nil, fmt.Errorf("macAddress %q is not of the form 02:42:ac:11:00:02", n.MacAddress)
		}
		ep.MacAddress = network.HardwareAddr(mac)
	}
	return ep, nil
}
