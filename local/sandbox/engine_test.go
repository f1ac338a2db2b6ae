package sandbox_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/sandbox"
)

// rig is a real engine with the hostile program's image on it. What a test makes
// through it has names of this run only and is gone when the test ends.
type rig struct {
	*client.Client
	image string
	run   string
}

// newRig fails where there is no engine, or skips the test where
// ENVCTL_TEST_ENGINE=none says that there is none.
func newRig(t *testing.T) rig {
	t.Helper()
	c, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ping(t.Context(), client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		if os.Getenv("ENVCTL_TEST_ENGINE") != "none" {
			t.Fatal("no Docker engine: ", err)
		}
		t.Skipf("no Docker engine: %v", err)
	}
	run := "envctl-test-sandbox-" + rand.Text()[:8]
	r := rig{c, "envctl-test/sandbox:" + run, run}
	r.load(t)
	return r
}

// hostile is the static hostile program.
var hostile = dockertest.Program("./testdata/hostile")

// load makes an image of the static hostile program, which declares a volume.
func (r rig) load(t *testing.T) {
	t.Helper()
	data := hostile(t)
	var layerTar bytes.Buffer
	w := tar.NewWriter(&layerTar)
	for _, h := range []*tar.Header{
		{Name: "tmp/", Mode: 0o1777, Typeflag: tar.TypeDir}, {Name: "home/", Mode: 0o777, Typeflag: tar.TypeDir},
		{Name: "hostile", Mode: 0o755, Size: int64(len(data)), Typeflag: tar.TypeReg},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layerTar.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, configFile(t, img))
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(r.image)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := tarball.Write(tag, img, &archive); err != nil {
		t.Fatal(err)
	}
	loaded, err := r.ImageLoad(t.Context(), &archive)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if out, err := io.ReadAll(loaded); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { _, _ = r.ImageRemove(context.Background(), r.image, client.ImageRemoveOptions{Force: true}) })
}

func configFile(t *testing.T, img v1.Image) *v1.ConfigFile {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config.Entrypoint = []string{"/hostile"}
	return file
}

// network makes a network from options and returns its name and a foreign
// address inside its subnet that a bridge would have.
func (r rig) network(t *testing.T, options client.NetworkCreateOptions) (string, netip.Addr) {
	t.Helper()
	network := r.run + "-" + rand.Text()[:6]
	options.Labels = map[string]string{"dev.envctl.test": r.run}
	if _, err := r.NetworkCreate(t.Context(), network, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.NetworkRemove(context.Background(), network, client.NetworkRemoveOptions{}) })
	got, err := r.NetworkInspect(t.Context(), network, client.NetworkInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return network, got.Network.IPAM.Config[0].Subnet.Masked().Addr().Next()
}

// internal makes the profile's network.
func (r rig) internal(t *testing.T) (string, netip.Addr) {
	t.Helper()
	var options client.NetworkCreateOptions
	sandbox.InternalNetwork().Apply(&options)
	return r.network(t, options)
}

// create makes a container of p after change, which may weaken it.
func (r rig) create(t *testing.T, p sandbox.Profile, change func(*container.Config, *container.HostConfig), args ...string) string {
	t.Helper()
	config, host := &container.Config{Image: r.image, Cmd: args, Labels: map[string]string{"dev.envctl.test": r.run}}, &container.HostConfig{}
	p.Apply(config, host)
	if change != nil {
		change(config, host)
	}
	made, err := r.ContainerCreate(t.Context(), client.ContainerCreateOptions{Name: r.run + "-" + rand.Text()[:6], Config: config, HostConfig: host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = r.ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	})
	return made.ID
}

func (r rig) start(t *testing.T, id string) {
	t.Helper()
	if _, err := r.ContainerStart(t.Context(), id, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (r rig) inspect(t *testing.T, id string) container.InspectResponse {
	t.Helper()
	got, err := r.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return got.Container
}

// finish runs a container to its end and returns what it printed.
func (r rig) finish(t *testing.T, id string) (stdout string, end container.InspectResponse) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r.start(t, id)
	wait := r.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		t.Fatal(err)
	}
	logs, err := r.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	var out, errOut bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errOut, logs); err != nil {
		t.Fatal(err)
	}
	if errOut.Len() > 0 {
		t.Logf("stderr:\n%s", errOut.String())
	}
	return out.String(), r.inspect(t, id)
}

func TestEngine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	t.Run("no difference", r.testNoDifference)
	t.Run("each weakness is caught", r.testWeakContainers)
	t.Run("weak networks are caught", r.testWeakNetworks)
	t.Run("hostile program", r.testHostile)
	t.Run("without scratch", r.testWithoutScratch)
	t.Run("names do not leave", r.testNames)
	t.Run("memory", r.testMemory)
	t.Run("pids", r.testPids)
}

func (r rig) testNoDifference(t *testing.T) {
	info, err := r.Info(t.Context(), client.InfoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := sandbox.VerifyEngine(info.Info); len(d) > 0 {
		t.Errorf("engine: %v", d)
	}
	network, _ := r.internal(t)
	got, err := r.NetworkInspect(t.Context(), network, client.NetworkInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := sandbox.VerifyNetwork(got.Network, sandbox.InternalNetwork()); len(d) > 0 {
		t.Errorf("network: %v", d)
	}
	bare := workload()
	bare.Scratch, bare.User = 0, 0 // as where no-root is waived
	for name, p := range map[string]sandbox.Profile{
		"app": sandbox.New(sandbox.App, workload(), network), "job": sandbox.New(sandbox.Job, bare, network),
		"gateway": sandbox.New(sandbox.Gateway, workload(), network),
	} {
		id := r.create(t, p, nil, "sleep")
		if d := sandbox.Verify(r.inspect(t, id), p); len(d) > 0 {
			t.Errorf("%s, created: %v", name, d)
		}
		r.start(t, id)
		if d := sandbox.Verify(r.inspect(t, id), p); len(d) > 0 {
			t.Errorf("%s, running: %v", name, d)
		}
	}
}

func (r rig) testWeakContainers(t *testing.T) {
	network, _ := r.internal(t)
	p := sandbox.New(sandbox.App, workload(), network)
	no, many := false, int64(100_000)
	for path, weaken := range map[string]func(*container.Config, *container.HostConfig){
		"Config.User":               func(c *container.Config, _ *container.HostConfig) { c.User = "" },
		"HostConfig.Privileged":     func(_ *container.Config, h *container.HostConfig) { h.Privileged = true },
		"HostConfig.CapAdd":         func(_ *container.Config, h *container.HostConfig) { h.CapAdd = []string{"SYS_ADMIN"} },
		"HostConfig.CapDrop":        func(_ *container.Config, h *container.HostConfig) { h.CapDrop = nil },
		"HostConfig.SecurityOpt":    func(_ *container.Config, h *container.HostConfig) { h.SecurityOpt = []string{"seccomp=unconfined"} },
		"HostConfig.MaskedPaths":    func(_ *container.Config, h *container.HostConfig) { h.MaskedPaths = []string{} },
		"HostConfig.ReadonlyPaths":  func(_ *container.Config, h *container.HostConfig) { h.ReadonlyPaths = []string{} },
		"HostConfig.ReadonlyRootfs": func(_ *container.Config, h *container.HostConfig) { h.ReadonlyRootfs = false },
		"HostConfig.Binds":          func(_ *container.Config, h *container.HostConfig) { h.Binds = []string{t.TempDir() + ":/host"} },
		"HostConfig.Mounts": func(_ *container.Config, h *container.HostConfig) {
			h.Mounts = []mount.Mount{{Type: mount.TypeTmpfs, Target: "/x"}}
		},
		"Mounts":                     func(c *container.Config, _ *container.HostConfig) { c.Volumes = map[string]struct{}{"/data": {}} },
		"HostConfig.Tmpfs":           func(_ *container.Config, h *container.HostConfig) { h.Tmpfs = map[string]string{"/tmp": ""} },
		"HostConfig.PidMode":         func(_ *container.Config, h *container.HostConfig) { h.PidMode = "host" },
		"HostConfig.UTSMode":         func(_ *container.Config, h *container.HostConfig) { h.UTSMode = "host" },
		"HostConfig.IpcMode":         func(_ *container.Config, h *container.HostConfig) { h.IpcMode = "shareable" },
		"HostConfig.CgroupnsMode":    func(_ *container.Config, h *container.HostConfig) { h.CgroupnsMode = "host" },
		"HostConfig.NetworkMode":     func(_ *container.Config, h *container.HostConfig) { h.NetworkMode = "bridge" },
		"HostConfig.Dns":             func(_ *container.Config, h *container.HostConfig) { h.DNS = nil },
		"HostConfig.ExtraHosts":      func(_ *container.Config, h *container.HostConfig) { h.ExtraHosts = []string{"a:192.0.2.1"} },
		"HostConfig.PublishAllPorts": func(_ *container.Config, h *container.HostConfig) { h.PublishAllPorts = true },
		"HostConfig.PortBindings":    func(_ *container.Config, h *container.HostConfig) { h.PortBindings = bind("") },
		"HostConfig.Memory":          func(_ *container.Config, h *container.HostConfig) { h.Memory, h.MemorySwap = 0, 0 },
		"HostConfig.MemorySwap":      func(_ *container.Config, h *container.HostConfig) { h.MemorySwap = 0 },
		"HostConfig.PidsLimit":       func(_ *container.Config, h *container.HostConfig) { h.PidsLimit = &many },
		"HostConfig.CpuQuota":        func(_ *container.Config, h *container.HostConfig) { h.CPUQuota = 0 },
		"HostConfig.Devices": func(_ *container.Config, h *container.HostConfig) {
			h.Devices = []container.DeviceMapping{{PathOnHost: "/dev/kmsg", PathInContainer: "/dev/kmsg", CgroupPermissions: "r"}}
		},
		"HostConfig.Init":           func(_ *container.Config, h *container.HostConfig) { h.Init = &no },
		"HostConfig.Ulimits.core":   func(_ *container.Config, h *container.HostConfig) { h.Ulimits = nil },
		"HostConfig.LogConfig.Type": func(_ *container.Config, h *container.HostConfig) { h.LogConfig = container.LogConfig{} },
		"HostConfig.RestartPolicy": func(_ *container.Config, h *container.HostConfig) {
			h.RestartPolicy = container.RestartPolicy{Name: "always"}
		},
		"HostConfig.OomScoreAdj": func(_ *container.Config, h *container.HostConfig) { h.OomScoreAdj = 0 },
		"HostConfig.Sysctls": func(_ *container.Config, h *container.HostConfig) {
			h.Sysctls = map[string]string{"net.ipv4.ip_forward": "1"}
		},
		"HostConfig.ShmSize":           func(_ *container.Config, h *container.HostConfig) { h.ShmSize = 0 },
		"HostConfig.DeviceCgroupRules": func(_ *container.Config, h *container.HostConfig) { h.DeviceCgroupRules = []string{"c 1:* rw"} },
		"HostConfig.GroupAdd":          func(_ *container.Config, h *container.HostConfig) { h.GroupAdd = []string{"0"} },
		"HostConfig.DnsSearch":         func(_ *container.Config, h *container.HostConfig) { h.DNSSearch = nil },
	} {
		id := r.create(t, p, weaken, "sleep")
		if d := sandbox.Verify(r.inspect(t, id), p); !names(d)[path] {
			t.Errorf("no difference at %s: %v", path, d)
		}
	}
}

func (r rig) testWeakNetworks(t *testing.T) {
	yes := true
	for path, weaken := range map[string]func(*client.NetworkCreateOptions){
		"Internal": func(o *client.NetworkCreateOptions) { o.Internal = false },
		"Options.com.docker.network.bridge.inhibit_ipv4": func(o *client.NetworkCreateOptions) {
			delete(o.Options, "com.docker.network.bridge.inhibit_ipv4")
		},
		"Attachable": func(o *client.NetworkCreateOptions) { o.Attachable = true },
		"EnableIPv6": func(o *client.NetworkCreateOptions) {
			o.EnableIPv6, o.IPAM = &yes, ipam6()
		},
	} {
		var options client.NetworkCreateOptions
		sandbox.InternalNetwork().Apply(&options)
		weaken(&options)
		network, _ := r.network(t, options)
		got, err := r.NetworkInspect(t.Context(), network, client.NetworkInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if d := sandbox.VerifyNetwork(got.Network, sandbox.InternalNetwork()); !names(d)[path] {
			t.Errorf("no difference at %s: %v", path, d)
		}
	}
}

func names(differences []sandbox.Difference) map[string]bool {
	paths := map[string]bool{}
	for _, d := range differences {
		paths[d.Path] = true
	}
	return paths
}
