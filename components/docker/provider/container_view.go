package provider

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// containerView is the inputs that would make a container like live from the
// image it runs; what the image or the engine decides is left open. It is what
// an import starts from.
func containerView(live container.InspectResponse, img *dockerspec.DockerOCIImageConfig) containerInputs {
	if img == nil {
		img = &dockerspec.DockerOCIImageConfig{}
	}
	cfg, host := live.Config, live.HostConfig
	v := containerInputs{
		Name: strings.TrimPrefix(live.Name, "/"), Image: cfg.Image, Domainname: cfg.Domainname, Tty: cfg.Tty, StdinOpen: cfg.OpenStdin,
		Envs: missing(cfg.Env, img.Env), User: unless(cfg.User, img.User), WorkingDir: unless(cfg.WorkingDir, img.WorkingDir),
		StopSignal: unless(cfg.StopSignal, orElse(img.StopSignal, "SIGTERM")), StopTimeout: cfg.StopTimeout,
		Restart: policyName(host.RestartPolicy), MaxRetryCount: host.RestartPolicy.MaximumRetryCount, Rm: host.AutoRemove,
		LogDriver: unless(host.LogConfig.Type, "json-file"), LogOpts: host.LogConfig.Config,
		IpcMode: unless(string(host.IpcMode), "private"), PidMode: string(host.PidMode), UsernsMode: string(host.UsernsMode),
		DNSOpts: host.DNSOptions, DNSSearches: host.DNSSearch, GroupAdds: host.GroupAdd,
		Privileged: host.Privileged, PublishAllPorts: host.PublishAllPorts, ReadOnly: host.ReadonlyRootfs, SecurityOpts: host.SecurityOpt,
		StorageOpts: host.StorageOpt, Tmpfs: host.Tmpfs, Sysctls: host.Sysctls, Runtime: unless(host.Runtime, "runc"), Init: host.Init,
		ShmSize: host.ShmSize / mebi, CgroupParent: host.CgroupParent, CPUPeriod: host.CPUPeriod, CPUQuota: host.CPUQuota,
		CPUShares: host.CPUShares, CPUSet: host.CpusetCpus, Cpus: cpusOf(host.NanoCPUs),
		Memory: float64(host.Memory) / mebi, MemoryReservation: float64(host.MemoryReservation) / mebi,
	}
	if !strings.HasPrefix(live.ID, cfg.Hostname) {
		v.Hostname = cfg.Hostname
	}
	if host.MemorySwap != 2*host.Memory {
		v.MemorySwap = swapMB(host.MemorySwap)
	}
	if v.ShmSize == 64 {
		v.ShmSize = 0
	}
	if !slices.Equal(cfg.Entrypoint, img.Entrypoint) {
		v.Entrypoints = cfg.Entrypoint
	}
	if !slices.Equal(cfg.Cmd, img.Cmd) || v.Entrypoints != nil {
		v.Command = cfg.Cmd
	}
	labels := maps.Clone(cfg.Labels)
	maps.DeleteFunc(labels, func(k, val string) bool { return img.Labels[k] == val && val != "" })
	v.Labels = labelList(labels)
	if len(host.CapAdd)+len(host.CapDrop) > 0 {
		v.Capabilities = &capabilities{Adds: host.CapAdd, Drops: host.CapDrop}
	}
	for _, a := range host.DNS {
		v.DNS = append(v.DNS, a.String())
	}
	v.viewLists(live)
	v.viewHealth(cfg.Healthcheck, img.Healthcheck)
	return v
}

func (v *containerInputs) viewLists(live container.InspectResponse) {
	host := live.HostConfig
	for _, h := range host.ExtraHosts {
		name, ip, _ := strings.Cut(h, ":")
		v.Hosts = append(v.Hosts, hostInput{Host: name, IP: ip})
	}
	for _, u := range host.Ulimits {
		v.Ulimits = append(v.Ulimits, ulimitInput{Name: u.Name, Hard: u.Hard, Soft: u.Soft})
	}
	for _, d := range host.Devices {
		v.Devices = append(v.Devices, deviceInput{HostPath: d.PathOnHost, ContainerPath: d.PathInContainer, Permissions: d.CgroupPermissions})
	}
	for _, r := range host.DeviceRequests {
		if r.Count == -1 {
			v.Gpus = "all"
		}
	}
	for port, bindings := range host.PortBindings {
		for _, b := range bindings {
			in := portInput{Internal: int(port.Num()), Protocol: string(port.Proto())}
			in.External, _ = strconv.Atoi(b.HostPort) // empty: the engine chooses
			if b.HostIP.IsValid() {
				in.IP = b.HostIP.String()
			}
			v.Ports = append(v.Ports, in)
		}
	}
	v.viewNetworks(live)
	v.viewStorage(host)
}

func (v *containerInputs) viewNetworks(live container.InspectResponse) {
	m := live.HostConfig.NetworkMode
	if m.IsHost() || m.IsNone() || m.IsContainer() {
		v.NetworkMode = string(m)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(live.NetworkSettings.Networks)) {
		if name == "bridge" && len(live.NetworkSettings.Networks) == 1 {
			return
		}
		ep := live.NetworkSettings.Networks[name]
		n := networkAttach{Name: name}
		for _, a := range ep.Aliases {
			if !strings.HasPrefix(live.ID, a) { // engines add the short id
				n.Aliases = append(n.Aliases, a)
			}
		}
		if ip := ep.IPAMConfig; ip != nil && ip.IPv4Address.IsValid() {
			n.Ipv4Address = ip.IPv4Address.String()
		}
		if ip := ep.IPAMConfig; ip != nil && ip.IPv6Address.IsValid() {
			n.Ipv6Address = ip.IPv6Address.String()
		}
		v.NetworksAdvanced = append(v.NetworksAdvanced, n)
	}
}

func (v *containerInputs) viewStorage(host *container.HostConfig) {
	for _, f := range host.VolumesFrom {
		name, how, _ := strings.Cut(f, ":")
		v.Volumes = append(v.Volumes, volumeAttach{FromContainer: name, ReadOnly: how == "ro"})
	}
	for _, b := range host.Binds {
		parts := strings.SplitN(b, ":", 3)
		a := volumeAttach{ContainerPath: parts[min(1, len(parts)-1)], ReadOnly: len(parts) == 3 && parts[2] == "ro"}
		if strings.HasPrefix(parts[0], "/") {
			a.HostPath = parts[0]
		} else {
			a.VolumeName = parts[0]
		}
		v.Volumes = append(v.Volumes, a)
	}
	for _, m := range host.Mounts {
		v.Mounts = append(v.Mounts, viewMount(m))
	}
}

func viewMount(m mount.Mount) mountInput {
	out := mountInput{Type: string(m.Type), Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
	if b := m.BindOptions; b != nil {
		out.BindOptions = &mountBind{Propagation: string(b.Propagation)}
	}
	if t := m.TmpfsOptions; t != nil {
		out.TmpfsOptions = &mountTmpfs{SizeBytes: t.SizeBytes, Mode: int(t.Mode)}
	}
	if o := m.VolumeOptions; o != nil {
		out.VolumeOptions = &mountVolume{NoCopy: o.NoCopy, Subpath: o.Subpath, Labels: labelList(o.Labels)}
		if d := o.DriverConfig; d != nil {
			out.VolumeOptions.DriverName, out.VolumeOptions.DriverOptions = d.Name, d.Options
		}
	}
	return out
}

func (v *containerInputs) viewHealth(live, img *container.HealthConfig) {
	if live == nil || reflect.DeepEqual(fields(live), fields(img)) {
		return
	}
	text := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	v.Healthcheck = &healthcheck{Tests: live.Test, Retries: live.Retries, Interval: text(live.Interval), Timeout: text(live.Timeout),
		StartPeriod: text(live.StartPeriod), StartInterval: text(live.StartInterval)}
}

// unless is s, or empty where s is what it would be anyway.
func unless(s, anyway string) string {
	if s == anyway {
		return ""
	}
	return s
}

// missing is what list has and other has not.
func missing(list, other []string) (out []string) {
	for _, s := range list {
		if !slices.Contains(other, s) {
			out = append(out, s)
		}
	}
	return out
}
