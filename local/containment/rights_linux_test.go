package containment

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/isolation"
)

// rightsOf names the capabilities that rows need to get through, as far as this
// machine has them itself: in a virtual machine or a container it may not.
func rightsOf(t *testing.T) map[string]bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "CapBnd:")
	var bounding uint64
	if _, err := fmt.Sscanf(rest, "%x", &bounding); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for name, bit := range map[string]uint{
		"SYS_ADMIN": unix.CAP_SYS_ADMIN, "SYS_MODULE": unix.CAP_SYS_MODULE, "SYS_BOOT": unix.CAP_SYS_BOOT, "SYS_PTRACE": unix.CAP_SYS_PTRACE,
		"SYSLOG": unix.CAP_SYSLOG, "NET_ADMIN": unix.CAP_NET_ADMIN, "NET_RAW": unix.CAP_NET_RAW, "SYS_TIME": unix.CAP_SYS_TIME,
	} {
		if bounding>>bit&1 == 1 {
			out[name] = true
		}
	}
	return out
}

// The probe must be able to tell: in a container without any hardening it gets what a
// sandbox refuses. Nothing of the host is changed by it: see package attempt.
func TestTheProbeGetsOutOfAnOpenContainer(t *testing.T) {
	e := dockertest.Engine(t)
	info, err := e.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if isolation.Of(info.DefaultRuntime) != isolation.Container {
		dockertest.Cannot(t, "the engine's default is %s", info.DefaultRuntime)
	}
	w, err := newWorld(t.Context(), e, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	spec := w.bare("none", attempt.ModeAttempt)
	spec.Config.User = "0:0"
	spec.Config.Env = []string{"FOREIGN=1", "SECRET=" + w.secret}
	have := rightsOf(t)
	spec.HostConfig.CapAdd = slices.Sorted(maps.Keys(have))
	spec.HostConfig.SecurityOpt = []string{"seccomp=unconfined", "apparmor=unconfined"}
	spec.HostConfig.MaskedPaths, spec.HostConfig.ReadonlyPaths = []string{}, []string{}
	spec.HostConfig.PidMode, spec.HostConfig.IpcMode, spec.HostConfig.UTSMode = "host", "host", "host"
	spec.HostConfig.Devices = []container.DeviceMapping{{PathOnHost: "/dev/net/tun", PathInContainer: "/dev/net/tun", CgroupPermissions: "rw"}}
	spec.HostConfig.Binds = []string{w.folder + ":/var/run/docker.sock:ro"} // anything at the socket's path
	results, err := w.attempt(t.Context(), spec, attempt.Task{
		Secret: w.secret, PID: os.Getpid(), SharedMemory: w.memory, Room: map[string]int64{"/home": 1 << 16}, Variables: []string{"PATH"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for row, needs := range map[string]string{
		"become-root": "", "capabilities": "", "mount": "SYS_ADMIN", "remount": "SYS_ADMIN", "user-namespaces": "SYS_ADMIN",
		"kernel-modules": "SYS_MODULE", "kernel-interfaces": "SYS_ADMIN", "io-uring": "", "keyrings": "", "kernel-settings": "",
		"kernel-log": "SYSLOG", "host-control": "SYS_ADMIN", "devices": "", "other-processes": "", "packet-sockets": "NET_RAW",
		"engine-socket": "", "write-outside": "", "fill-disk": "", "host-environment": "", "other-secrets": "", "masked-paths": "",
	} {
		if _, err := os.Stat("/proc/modules"); err != nil && row == "kernel-modules" {
			continue // a kernel without any
		}
		if r := results[row]; r.Outcome != Escaped && (needs == "" || have[needs]) {
			t.Errorf("%s is %s without hardening: %s", row, r.Outcome, r.Detail)
		}
	}
	for name := range results {
		if !slices.ContainsFunc(Rows(), func(r Row) bool { return r.Name == name }) {
			t.Errorf("the probe has a row %q, the table has not", name)
		}
	}
}

// A tool of the image that is run is noticed.
func TestAToolThatRunsIsNoticed(t *testing.T) {
	e := dockertest.Engine(t)
	w, err := newIdentity(e, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := w.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tool := range attempt.Tools {
		spec := w.bare("none")
		spec.Config.Entrypoint = []string{"/usr/bin/" + tool}
		id, err := e.Create(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		wait := e.Client().ContainerWait(t.Context(), id, client.ContainerWaitOptions{Condition: "next-exit"})
		if _, err := e.Client().ContainerStart(t.Context(), id, client.ContainerStartOptions{}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-wait.Result:
		case err := <-wait.Error:
			t.Fatal(err)
		}
		if _, err := e.Client().ContainerStatPath(t.Context(), id, client.ContainerStatPathOptions{Path: attempt.ToolMark}); err != nil {
			t.Errorf("%s ran and left no mark: %v", tool, err)
		}
	}
}
