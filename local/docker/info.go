package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/envctl/envctl/components/lazyregexp"
)

// Info is what an engine says of itself.
type Info struct {
	Host            string   `json:"host"`
	Version         string   `json:"version"`         // of the engine, as in 20.10.24+dfsg1
	API             string   `json:"api"`             // the version that is spoken, as in 1.41
	ContainerdStore bool     `json:"containerdStore"` // image IDs are manifest digests; else config digests
	StorageDriver   string   `json:"storageDriver"`
	CgroupVersion   int      `json:"cgroupVersion"` // 1 or 2; 0 when the engine does not say
	Runtimes        []string `json:"runtimes"`      // sorted
	DefaultRuntime  string   `json:"defaultRuntime"`
	MemoryBytes     int64    `json:"memoryBytes"`
	CPUs            int      `json:"cpus"`
	RootDir         string   `json:"rootDir"`
	Rootless        bool     `json:"rootless"`
	UserNamespace   bool     `json:"userNamespace"` // containers' root is another user of the host (userns-remap)
	Seccomp         bool     `json:"seccomp"`       // the default profile is applied
	AppArmor        bool     `json:"appArmor"`      // the default profile is applied
	OS              string   `json:"os"`            // as in "Debian GNU/Linux 12 (bookworm)"
	OSType          string   `json:"osType"`        // linux or windows
	Architecture    string   `json:"architecture"`
	Kernel          string   `json:"kernel"`
	// IsolatedGateway says that the bridge driver takes
	// com.docker.network.bridge.gateway_mode_ipv4=isolated (engine 28, API 1.48).
	IsolatedGateway bool `json:"isolatedGateway"`
	// InterfaceSysctls says that a kernel setting of one network interface may stand
	// among a container's others: not from API 1.46, which takes it with the network,
	// and not in a user namespace.
	InterfaceSysctls bool `json:"interfaceSysctls"`
	// InternalDNSFenced says that this version is known to keep lookups from
	// internal networks inside (CVE-2024-29018: mended in 23.0.11, 25.0.5 and
	// 26.0.0). False means unknown: a distribution may have mended an older one.
	InternalDNSFenced bool `json:"internalDNSFenced"`
	// Runc is the version of runc, as in 1.3.3 or 1.1.5+ds1-1+deb12u1; empty: the
	// engine does not tell it.
	Runc string `json:"runc,omitempty"`
	// RuncMended says that this version is known not to let a hostile launch break the
	// masks of /proc (CVE-2025-31133, -52565 and -52881: mended in 1.2.8, 1.3.3 and
	// 1.4.0). False means unknown, as of InternalDNSFenced.
	RuncMended bool     `json:"runcMended"`
	Limits     Limits   `json:"limits"`
	Warnings   []string `json:"warnings,omitempty"`
}

// Limits says which limits the kernel lets the engine enforce.
type Limits struct {
	Memory bool `json:"memory"`
	Swap   bool `json:"swap"`
	Pids   bool `json:"pids"`
	CPU    bool `json:"cpu"`
}

// Info asks the engine; it takes one call of some 10 ms.
func (e *Engine) Info(ctx context.Context) (Info, error) {
	answer, err := e.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Info{}, fmt.Errorf("ask the engine at %s for its properties: %w", e.host, err)
	}
	return readInfo(answer.Info, e.host, e.APIVersion()), nil
}

// Arch is the engine's architecture, of Go.
func (e *Engine) Arch(ctx context.Context) (string, error) {
	version, err := e.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", fmt.Errorf("ask the engine for its architecture: %w", err)
	}
	return version.Arch, nil
}

func readInfo(raw system.Info, host, api string) Info {
	info := Info{
		Host: host, Version: raw.ServerVersion, API: api,
		ContainerdStore: hasStatus(raw.DriverStatus, "driver-type", "io.containerd.snapshotter.v1"),
		StorageDriver:   raw.Driver,
		Runtimes:        slices.Sorted(maps.Keys(raw.Runtimes)),
		DefaultRuntime:  raw.DefaultRuntime,
		MemoryBytes:     raw.MemTotal, CPUs: raw.NCPU,
		RootDir: raw.DockerRootDir,
		OS:      raw.OperatingSystem, OSType: raw.OSType, Architecture: raw.Architecture, Kernel: raw.KernelVersion,
		IsolatedGateway:   versions.GreaterThanOrEqualTo(api, "1.48"),
		InternalDNSFenced: dnsFenced(raw.ServerVersion),
		Runc:              runcVersion(raw.RuncCommit.ID),
		Limits: Limits{
			Memory: raw.MemoryLimit, Swap: raw.SwapLimit, Pids: raw.PidsLimit,
			CPU: raw.CPUCfsQuota && raw.CPUCfsPeriod,
		},
		Warnings: raw.Warnings,
	}
	info.CgroupVersion, _ = strconv.Atoi(raw.CgroupVersion) // "" on engines that do not say
	for _, option := range raw.SecurityOptions {
		name, _, _ := strings.Cut(strings.TrimPrefix(option, "name="), ",")
		switch name {
		case "rootless":
			info.Rootless = true
		case "userns":
			info.UserNamespace = true
		case "seccomp":
			info.Seccomp = !strings.Contains(option, "profile=unconfined")
		case "apparmor":
			info.AppArmor = true
		}
	}
	info.RuncMended = runcMended(info.Runc)
	info.InterfaceSysctls = versions.LessThan(api, "1.46") && !info.Rootless && !info.UserNamespace
	return info
}

func hasStatus(status [][2]string, key, value string) bool {
	return slices.Contains(status, [2]string{key, value})
}

// dnsFenced knows the versions that CVE-2024-29018 was mended in.
func dnsFenced(version string) bool {
	base, _, _ := strings.Cut(version, "+")
	base, _, _ = strings.Cut(base, "-")
	switch {
	case strings.HasPrefix(base, "23.0."):
		return versions.GreaterThanOrEqualTo(base, "23.0.11")
	case strings.HasPrefix(base, "25.0."):
		return versions.GreaterThanOrEqualTo(base, "25.0.5")
	default:
		return versions.GreaterThanOrEqualTo(base, "26.0.0")
	}
}

// runcRelease is a version at the start of what an engine says about runc: its own
// builds say v1.3.3-0-gd842d771, distributions the version of their package.
var runcRelease = lazyregexp.New(`^v?([0-9]+\.[0-9]+\.[0-9]+)(-rc\.?[0-9]+)?`)

// runcVersion is a version out of what an engine says; "" where it is a commit alone.
func runcVersion(said string) string {
	if runcRelease().FindString(said) == "" {
		return ""
	}
	return strings.TrimPrefix(strings.Split(said, "-0-g")[0], "v")
}

// runcMended knows the versions that CVE-2025-31133 and its kin were mended in.
func runcMended(version string) bool {
	found := runcRelease().FindStringSubmatch(version)
	if found == nil || found[2] != "" {
		return false
	}
	switch base := found[1]; {
	case strings.HasPrefix(base, "1.2."):
		return versions.GreaterThanOrEqualTo(base, "1.2.8")
	default:
		return versions.GreaterThanOrEqualTo(base, "1.3.3")
	}
}
