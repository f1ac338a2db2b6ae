package sandbox_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/sandbox"
)

// inspected is what an engine reports of a container made exactly from p.
func inspected(p sandbox.Profile) container.InspectResponse {
	got := container.InspectResponse{
		Config: &container.Config{}, HostConfig: &container.HostConfig{},
		NetworkSettings: &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{}},
	}
	p.Apply(got.Config, got.HostConfig)
	got.HostConfig.MaskedPaths = []string{
		"/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
	}
	got.HostConfig.ReadonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
	for _, name := range p.Networks {
		got.NetworkSettings.Networks[name] = &network.EndpointSettings{NetworkID: "id-of-" + name}
	}
	return got
}

func workload() plan.Workload {
	return plan.Workload{Kind: plan.App, Name: "api", User: 65532, CPU: 0.5, Memory: 256 << 20, Scratch: 16 << 20}
}

// weakenings has one entry for each way to weaken a container, by the path that
// Verify must name.
func weakenings() map[string]func(*container.InspectResponse) {
	yes, many := true, int64(100_000)
	host := func(f func(*container.HostConfig)) func(*container.InspectResponse) {
		return func(c *container.InspectResponse) { f(c.HostConfig) }
	}
	return map[string]func(*container.InspectResponse){
		"Config.User":          func(c *container.InspectResponse) { c.Config.User = "0:0" },
		"Config.User/no group": func(c *container.InspectResponse) { c.Config.User = "65532" },
		"Config.User/image's":  func(c *container.InspectResponse) { c.Config.User = "" },
		"AppArmorProfile":      func(c *container.InspectResponse) { c.AppArmorProfile = "unconfined" },
		"Mounts": func(c *container.InspectResponse) {
			c.Mounts = []container.MountPoint{{Type: mount.TypeVolume, Destination: "/data"}}
		},
		"Mounts/over tmp": func(c *container.InspectResponse) {
			c.Mounts = []container.MountPoint{{Type: mount.TypeBind, Destination: "/tmp"}}
		},
		"HostConfig.Runtime":          host(func(h *container.HostConfig) { h.Runtime = "mine" }),
		"HostConfig.Privileged":       host(func(h *container.HostConfig) { h.Privileged = true }),
		"HostConfig.CapAdd":           host(func(h *container.HostConfig) { h.CapAdd = []string{"NET_RAW"} }),
		"HostConfig.CapDrop":          host(func(h *container.HostConfig) { h.CapDrop = nil }),
		"HostConfig.CapDrop/some":     host(func(h *container.HostConfig) { h.CapDrop = []string{"NET_RAW"} }),
		"HostConfig.SecurityOpt":      host(func(h *container.HostConfig) { h.SecurityOpt = nil }),
		"HostConfig.SecurityOpt/off":  host(func(h *container.HostConfig) { h.SecurityOpt = []string{"no-new-privileges:false"} }),
		"HostConfig.SecurityOpt/secc": host(func(h *container.HostConfig) { h.SecurityOpt = append(h.SecurityOpt, "seccomp=unconfined") }),
		"HostConfig.SecurityOpt/app":  host(func(h *container.HostConfig) { h.SecurityOpt = append(h.SecurityOpt, "apparmor=unconfined") }),
		"HostConfig.GroupAdd":         host(func(h *container.HostConfig) { h.GroupAdd = []string{"docker"} }),
		"HostConfig.Devices":          host(func(h *container.HostConfig) { h.Devices = []container.DeviceMapping{{PathOnHost: "/dev/kvm"}} }),
		"HostConfig.DeviceRequests":   host(func(h *container.HostConfig) { h.DeviceRequests = []container.DeviceRequest{{Driver: "nvidia"}} }),
		"HostConfig.DeviceCgroupRules": host(func(h *container.HostConfig) {
			h.DeviceCgroupRules = []string{"a *:* rwm"}
		}),
		"HostConfig.Sysctls":         host(func(h *container.HostConfig) { h.Sysctls = map[string]string{"net.ipv4.ip_forward": "1"} }),
		"HostConfig.CgroupParent":    host(func(h *container.HostConfig) { h.CgroupParent = "/" }),
		"HostConfig.MaskedPaths":     host(func(h *container.HostConfig) { h.MaskedPaths = []string{} }),
		"HostConfig.ReadonlyPaths":   host(func(h *container.HostConfig) { h.ReadonlyPaths = h.ReadonlyPaths[1:] }),
		"HostConfig.ReadonlyRootfs":  host(func(h *container.HostConfig) { h.ReadonlyRootfs = false }),
		"HostConfig.ShmSize":         host(func(h *container.HostConfig) { h.ShmSize = 1 << 30 }),
		"HostConfig.Tmpfs":           host(func(h *container.HostConfig) { h.Tmpfs["/run"] = "" }),
		"HostConfig.Tmpfs/unlimited": host(func(h *container.HostConfig) { h.Tmpfs["/tmp"] = "rw" }),
		"HostConfig.Binds":           host(func(h *container.HostConfig) { h.Binds = []string{"/:/host"} }),
		"HostConfig.Mounts":          host(func(h *container.HostConfig) { h.Mounts = []mount.Mount{{Type: mount.TypeBind, Source: "/"}} }),
		"HostConfig.VolumesFrom":     host(func(h *container.HostConfig) { h.VolumesFrom = []string{"other"} }),
		"HostConfig.PidMode":         host(func(h *container.HostConfig) { h.PidMode = "host" }),
		"HostConfig.UTSMode":         host(func(h *container.HostConfig) { h.UTSMode = "host" }),
		"HostConfig.UsernsMode":      host(func(h *container.HostConfig) { h.UsernsMode = "host" }),
		"HostConfig.Cgroup":          host(func(h *container.HostConfig) { h.Cgroup = "container:other" }),
		"HostConfig.IpcMode":         host(func(h *container.HostConfig) { h.IpcMode = "shareable" }),
		"HostConfig.CgroupnsMode":    host(func(h *container.HostConfig) { h.CgroupnsMode = "host" }),
		"HostConfig.NetworkMode":     host(func(h *container.HostConfig) { h.NetworkMode = "host" }),
		"NetworkSettings.Networks": func(c *container.InspectResponse) {
			c.NetworkSettings.Networks["bridge"] = &network.EndpointSettings{}
		},
		"NetworkSettings.Networks/left": func(c *container.InspectResponse) { clear(c.NetworkSettings.Networks) },
		"HostConfig.Dns":                host(func(h *container.HostConfig) { h.DNS = nil }),
		"HostConfig.Dns/foreign":        host(func(h *container.HostConfig) { h.DNS = []netip.Addr{netip.MustParseAddr("192.0.2.53")} }),
		"HostConfig.DnsSearch":          host(func(h *container.HostConfig) { h.DNSSearch = nil }),
		"HostConfig.ExtraHosts":         host(func(h *container.HostConfig) { h.ExtraHosts = []string{"host:host-gateway"} }),
		"HostConfig.Links":              host(func(h *container.HostConfig) { h.Links = []string{"other:alias"} }),
		"HostConfig.PublishAllPorts":    host(func(h *container.HostConfig) { h.PublishAllPorts = true }),
		"HostConfig.PortBindings":       host(func(h *container.HostConfig) { h.PortBindings = bind("127.0.0.1") }),
		"HostConfig.Memory":             host(func(h *container.HostConfig) { h.Memory = 0 }),
		"HostConfig.MemorySwap":         host(func(h *container.HostConfig) { h.MemorySwap = -1 }),
		"HostConfig.PidsLimit":          host(func(h *container.HostConfig) { h.PidsLimit = nil }),
		"HostConfig.PidsLimit/many":     host(func(h *container.HostConfig) { h.PidsLimit = &many }),
		"HostConfig.CpuQuota":           host(func(h *container.HostConfig) { h.CPUQuota = 0 }),
		"HostConfig.CpuQuota/nano":      host(func(h *container.HostConfig) { h.NanoCPUs = 2_000_000_000 }),
		"HostConfig.CpuQuota/period":    host(func(h *container.HostConfig) { h.CPUPeriod = 1000 }),
		"HostConfig.CpuRealtimeRuntime": host(func(h *container.HostConfig) { h.CPURealtimeRuntime = 1 }),
		"HostConfig.OomKillDisable":     host(func(h *container.HostConfig) { h.OomKillDisable = &yes }),
		"HostConfig.OomScoreAdj":        host(func(h *container.HostConfig) { h.OomScoreAdj = -1000 }),
		"HostConfig.Ulimits.core":       host(func(h *container.HostConfig) { h.Ulimits = nil }),
		"HostConfig.Ulimits.core/high":  host(func(h *container.HostConfig) { h.Ulimits[0].Hard = -1 }),
		"HostConfig.Init":               host(func(h *container.HostConfig) { h.Init = nil }),
		"HostConfig.RestartPolicy":      host(func(h *container.HostConfig) { h.RestartPolicy.Name = "always" }),
		"HostConfig.RestartPolicy/times": host(func(h *container.HostConfig) {
			h.RestartPolicy.MaximumRetryCount = 0
		}),
		"HostConfig.LogConfig.Type":   host(func(h *container.HostConfig) { h.LogConfig.Type = "json-file" }),
		"HostConfig.LogConfig.Config": host(func(h *container.HostConfig) { h.LogConfig.Config = nil }),
	}
}

func bind(ip string) network.PortMap {
	binding := network.PortBinding{HostPort: "8080"}
	if ip != "" {
		binding.HostIP = netip.MustParseAddr(ip)
	}
	return network.PortMap{network.MustParsePort("80/tcp"): {binding}}
}

func TestVerifyReportsEachWeakness(t *testing.T) {
	t.Parallel()
	p := sandbox.New(sandbox.App, workload(), "envctl.x.default")
	if d := sandbox.Verify(inspected(p), p); len(d) > 0 {
		t.Fatalf("a container as the profile has it differs: %v", d)
	}
	for name, weaken := range weakenings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := inspected(p)
			weaken(&got)
			path, _, _ := strings.Cut(name, "/")
			d := sandbox.Verify(got, p)
			if len(d) != 1 || d[0].Path != path {
				t.Fatalf("want one difference at %s, got %v", path, d)
			}
			if d[0].Want == d[0].Got || d[0].Want == "" || d[0].Got == "" {
				t.Errorf("the difference says nothing: %+v", d[0])
			}
		})
	}
}

// Every setting of the engine's API is either judged or left out for a reason,
// so that one which a newer API adds cannot pass unseen.
func TestEverySettingIsJudged(t *testing.T) {
	t.Parallel()
	notJudged := map[string]string{
		"ContainerIDFile": "a file of the client", "AutoRemove": "clean-up", "DnsOptions": "tunes the container's own resolver", "VolumeDriver": "no volumes", "ConsoleSize": "display",
		"Annotations": "labels", "StorageOpt": "size of a root that is read-only",
		"Umask": "modes of files in the container", "Isolation": "Windows",
		"NanoCpus": "under CpuQuota", "CpuPeriod": "under CpuQuota", "CpuShares": "a weight", "BlkioWeight": "a weight",
		"BlkioWeightDevice": "a weight", "BlkioDeviceReadBps": "a tighter limit", "BlkioDeviceWriteBps": "a tighter limit",
		"BlkioDeviceReadIOps": "a tighter limit", "BlkioDeviceWriteIOps": "a tighter limit", "CpuRealtimePeriod": "with CpuRealtimeRuntime",
		"CpusetCpus": "a tighter limit", "CpusetMems": "a tighter limit", "MemoryReservation": "a soft limit", "MemorySwappiness": "no swap",
		"CpuCount": "Windows", "CpuPercent": "Windows", "IOMaximumIOps": "Windows", "IOMaximumBandwidth": "Windows",
	}
	judged := map[string]bool{}
	for name := range weakenings() {
		if field, ok := strings.CutPrefix(name, "HostConfig."); ok {
			field, _, _ = strings.Cut(field, "/")
			field, _, _ = strings.Cut(field, ".")
			judged[field] = true
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[container.HostConfig]()) {
		if field.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		if _, left := notJudged[name]; !left && !judged[name] {
			t.Errorf("HostConfig.%s is neither judged nor left out for a reason", name)
		}
	}
}

// What a caller had set before must not survive Apply.
func TestApplyOverwritesEveryWeakness(t *testing.T) {
	t.Parallel()
	p := sandbox.New(sandbox.App, workload(), "envctl.x.default")
	for name, weaken := range weakenings() {
		if !strings.HasPrefix(name, "HostConfig.") {
			continue
		}
		got := inspected(p)
		weaken(&got)
		got.HostConfig.BlkioWeightDevice = []*blkiodev.WeightDevice{{}}
		p.Apply(got.Config, got.HostConfig)
		want := inspected(p).HostConfig
		got.HostConfig.MaskedPaths, got.HostConfig.ReadonlyPaths = want.MaskedPaths, want.ReadonlyPaths
		if d := sandbox.Verify(got, p); len(d) > 0 {
			t.Errorf("%s survives Apply: %v", name, d)
		}
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	bare := workload()
	bare.Scratch, bare.User, bare.CPU = 0, 1000, 4
	big := workload()
	big.Scratch = 1 << 30
	tests := map[string]struct {
		got  sandbox.Profile
		want string
	}{
		"app with scratch": {sandbox.New(sandbox.App, workload(), "n"),
			`"Tmpfs":{"/tmp":"rw,exec,nosuid,nodev,mode=1777,size=16777216"},"ShmSize":16777216,`},
		"app without scratch":    {sandbox.New(sandbox.App, bare, "n"), `"Tmpfs":null,"ShmSize":1048576,`},
		"app with much scratch":  {sandbox.New(sandbox.App, big, "n"), `"ShmSize":67108864,`},
		"user and group":         {sandbox.New(sandbox.App, bare, "n"), `"User":"1000:1000",`},
		"no swap":                {sandbox.New(sandbox.App, bare, "n"), `"Memory":268435456,"MemorySwap":268435456,`},
		"more cpu than machines": {sandbox.New(sandbox.App, bare, "n"), `"CPUPeriod":100000,"CPUQuota":400000,`},
		"app restarts":           {sandbox.New(sandbox.App, bare, "n"), `"Publish":false,"Restart":"on-failure","MaxRetries":5,`},
		"job does not":           {sandbox.New(sandbox.Job, bare, "n"), `"Publish":false,"Restart":"no","MaxRetries":0,`},
		"gateway publishes":      {sandbox.New(sandbox.Gateway, bare, "n", "m"), `"Networks":["n","m"],"DNS":["127.0.0.1"],"DNSSearch":["."],"DNSOptions":["timeout:1","attempts:2"],"Hosts":null,"Volumes":null,"Publish":true,`},
	}
	for name, tt := range tests {
		data, err := json.Marshal(tt.got)
		if err != nil || !strings.Contains(string(data), tt.want) {
			t.Errorf("%s: %s (%v) does not contain %s", name, data, err, tt.want)
		}
	}
}

func TestGatewayPublishesOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	p := sandbox.New(sandbox.Gateway, workload(), "inside", "outside")
	for ip, ok := range map[string]bool{"127.0.0.1": true, "::1": true, "0.0.0.0": false, "::": false, "192.0.2.1": false, "": false} {
		got := inspected(p)
		got.HostConfig.PortBindings = bind(ip)
		if d := sandbox.Verify(got, p); (len(d) == 0) != ok {
			t.Errorf("published at %q: %v", ip, d)
		}
	}
}

// The same settings in the words of another engine or client are no difference.
func TestVerifyTakesOtherSpellings(t *testing.T) {
	t.Parallel()
	p := sandbox.New(sandbox.Job, workload(), "inside")
	got := inspected(p)
	got.HostConfig.CapDrop = []string{"all"}
	got.HostConfig.SecurityOpt = []string{"no-new-privileges:true", "seccomp=builtin"}
	got.HostConfig.NanoCPUs, got.HostConfig.CPUQuota, got.HostConfig.CPUPeriod = 500_000_000, 0, 0
	got.HostConfig.RestartPolicy.Name = ""
	got.HostConfig.NetworkMode = "id-of-inside"
	got.HostConfig.MaskedPaths = append(got.HostConfig.MaskedPaths, "/proc/interrupts")
	if d := sandbox.Verify(got, p); len(d) > 0 {
		t.Error(d)
	}
}

func TestSysctlsAreTheProfilesOwn(t *testing.T) {
	t.Parallel()
	p := sandbox.New(sandbox.Gateway, workload(), "inside")
	p.Sysctls = map[string]string{"net.ipv4.ip_forward": "0"}
	got := inspected(p)
	if d := sandbox.Verify(got, p); len(d) > 0 {
		t.Errorf("as the profile has them: %v", d)
	}
	got.HostConfig.Sysctls["net.ipv4.ip_forward"] = "1"
	if d := sandbox.Verify(got, p); len(d) != 1 || d[0].Path != "HostConfig.Sysctls" {
		t.Errorf("changed: %v", d)
	}
}

func TestVerifyOfNothing(t *testing.T) {
	t.Parallel()
	if d := sandbox.Verify(container.InspectResponse{}, sandbox.Profile{}); len(d) != 1 {
		t.Errorf("an empty report has the differences %v", d)
	}
}

func TestVerifyNetworkReportsEachWeakness(t *testing.T) {
	t.Parallel()
	p := sandbox.InternalNetwork()
	inspected := func() network.Inspect {
		var request client.NetworkCreateOptions
		p.Apply(&request)
		return network.Inspect{Network: network.Network{
			Driver: request.Driver, Scope: "local", Internal: request.Internal, EnableIPv6: *request.EnableIPv6,
			Attachable: request.Attachable, Options: request.Options,
		}}
	}
	if d := sandbox.VerifyNetwork(inspected(), p); len(d) > 0 {
		t.Fatalf("a network as the profile has it differs: %v", d)
	}
	for path, weaken := range map[string]func(*network.Inspect){
		"Driver":     func(n *network.Inspect) { n.Driver = "macvlan" },
		"Scope":      func(n *network.Inspect) { n.Scope = "swarm" },
		"Internal":   func(n *network.Inspect) { n.Internal = false },
		"EnableIPv6": func(n *network.Inspect) { n.EnableIPv6 = true },
		"Attachable": func(n *network.Inspect) { n.Attachable = true },
		"Ingress":    func(n *network.Inspect) { n.Ingress = true },
		"Options.com.docker.network.bridge.inhibit_ipv4": func(n *network.Inspect) {
			delete(n.Options, "com.docker.network.bridge.inhibit_ipv4")
		},
		"Options.com.docker.network.bridge.enable_ip_masquerade": func(n *network.Inspect) {
			n.Options["com.docker.network.bridge.enable_ip_masquerade"] = "true"
		},
		"Options.com.docker.network.bridge.name": func(n *network.Inspect) { n.Options["com.docker.network.bridge.name"] = "br0" },
	} {
		got := inspected()
		weaken(&got)
		if d := sandbox.VerifyNetwork(got, p); len(d) != 1 || d[0].Path != path {
			t.Errorf("want one difference at %s, got %v", path, d)
		}
	}
}

func TestVerifyEngine(t *testing.T) {
	t.Parallel()
	good := system.Info{
		OSType: "linux", MemoryLimit: true, SwapLimit: true, PidsLimit: true, CPUCfsQuota: true,
		SecurityOptions: []string{"name=apparmor", "name=seccomp,profile=builtin"},
	}
	if d := sandbox.VerifyEngine(good); len(d) > 0 {
		t.Errorf("a good engine differs: %v", d)
	}
	for path, weaken := range map[string]func(*system.Info){
		"SecurityOptions": func(i *system.Info) { i.SecurityOptions = []string{"name=seccomp,profile=unconfined"} },
		"OSType":          func(i *system.Info) { i.OSType = "windows" },
		"MemoryLimit":     func(i *system.Info) { i.MemoryLimit = false },
		"SwapLimit":       func(i *system.Info) { i.SwapLimit = false },
		"PidsLimit":       func(i *system.Info) { i.PidsLimit = false },
		"CpuCfsQuota":     func(i *system.Info) { i.CPUCfsQuota = false },
	} {
		got := good
		weaken(&got)
		if d := sandbox.VerifyEngine(got); len(d) != 1 || d[0].Path != path {
			t.Errorf("want one difference at %s, got %v", path, d)
		}
	}
}
