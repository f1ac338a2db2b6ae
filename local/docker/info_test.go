package docker

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"
)

func TestReadInfo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		api, raw string
		want     Info
	}{
		"20.10": {
			"1.41",
			`{"ServerVersion":"20.10.24+dfsg1","Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]],
			"SecurityOptions":["name=apparmor","name=seccomp,profile=default"],"CgroupVersion":"1","Runtimes":{"runc":{},"a":{}},
			"MemTotal":7,"NCPU":2,"DockerRootDir":"/d","MemoryLimit":true,"CpuCfsPeriod":true,"CpuCfsQuota":true,"PidsLimit":true}`,
			Info{
				Host: "h", Version: "20.10.24+dfsg1", API: "1.41", StorageDriver: "overlay2", CgroupVersion: 1,
				Runtimes: []string{"a", "runc"}, MemoryBytes: 7, CPUs: 2, RootDir: "/d", Seccomp: true, AppArmor: true,
				Limits: Limits{Memory: true, Pids: true, CPU: true}, InterfaceSysctls: true,
			},
		},
		"29 rootless": {
			"1.52",
			`{"ServerVersion":"29.1.0","Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],
			"SecurityOptions":["name=seccomp,profile=builtin","name=rootless","name=cgroupns"],"CgroupVersion":"2"}`,
			Info{
				Host: "h", Version: "29.1.0", API: "1.52", StorageDriver: "overlayfs", ContainerdStore: true, CgroupVersion: 2,
				Rootless: true, Seccomp: true, IsolatedGateway: true, InternalDNSFenced: true,
			},
		},
		"unconfined": {"1.41", `{"SecurityOptions":["name=seccomp,profile=unconfined"]}`, Info{Host: "h", API: "1.41", InterfaceSysctls: true}},
	} {
		var raw system.Info
		if err := json.Unmarshal([]byte(c.raw), &raw); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, readInfo(raw, "h", c.api)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDNSFenced(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"20.10.24+dfsg1": false, "23.0.10": false, "23.0.11": true, "24.0.9": false, "25.0.4": false, "25.0.5": true,
		"26.0.0": true, "27.5.1-ce": true, "29.1.0": true, "": false,
	} {
		if got := dnsFenced(version); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
}

func TestReadContainer(t *testing.T) {
	t.Parallel()
	raw := `{"Id":"abc","Names":["/other/link","/own"],"Status":"Exited (137) 3 seconds ago","State":"exited","Created":1,
	"Ports":[{"PrivatePort":90,"Type":"tcp"},{"IP":"127.0.0.1","PrivatePort":80,"PublicPort":8080,"Type":"tcp"}],
	"NetworkSettings":{"Networks":{"n":{"IPAddress":"10.1.1.2"},"m":{"IPAddress":""}}}}`
	var summary container.Summary
	if err := json.Unmarshal([]byte(raw), &summary); err != nil {
		t.Fatal(err)
	}
	c := readContainer(summary)
	if c.Name != "own" || c.ExitCode == nil || *c.ExitCode != 137 || c.Networks["n"] != "10.1.1.2" || c.Networks["m"] != "" ||
		len(c.Ports) != 2 || c.Ports[0].Host != 8080 || c.Ports[0].HostIP != "127.0.0.1" || c.Ports[1].Host != 0 {
		t.Errorf("%+v", c)
	}
	for status, want := range map[string]string{
		"Up 2 minutes (healthy)": "healthy", "Up 1 second (health: starting)": "starting",
		"Up 3 hours (unhealthy)": "unhealthy", "Up 3 hours": "", "Up 3 hours (Paused)": "",
	} {
		if got := readContainer(container.Summary{Status: status}); got.Health != want || got.ExitCode != nil {
			t.Errorf("%s: %+v", status, got)
		}
	}
}

func TestRuncOfAnEngine(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]struct {
		version string
		mended  bool
	}{
		"1.1.5+ds1-1+deb12u1": {"1.1.5+ds1-1+deb12u1", false}, "v1.2.7-0-gfe3c8f9": {"1.2.7", false}, "v1.2.8-0-geeb7e602": {"1.2.8", true},
		"v1.3.2-0-gaeabe4e7": {"1.3.2", false}, "v1.3.3-0-gd842d771": {"1.3.3", true}, "1.3.10": {"1.3.10", true},
		"v1.4.0-rc.2-0-g1234567": {"1.4.0-rc.2", false}, "1.4.0": {"1.4.0", true}, "2.0.0": {"2.0.0", true},
		"d842d7719497cc3b774fd71620278ac9e17710e0": {"", false}, "": {"", false}, "N/A": {"", false},
	} {
		if version := runcVersion(said); version != want.version || runcMended(version) != want.mended {
			t.Errorf("%q: version %q, mended %v, want %+v", said, version, runcMended(version), want)
		}
	}
}
