package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"github.com/envctl/envctl/local/isolation"
)

// Difference is one place where an engine's report is not what the profile says.
type Difference struct {
	Path string // in the engine's terms, e.g. HostConfig.CapAdd
	Want string
	Got  string
}

// String returns the difference in one line.
func (d Difference) String() string { return fmt.Sprintf("%s is %s, want %s", d.Path, d.Got, d.Want) }

// Verify judges what the engine reports of a container. The result is empty
// exactly when nothing is weaker than the profile; what a profile does not speak
// of, such as labels or the command, is not judged.
func Verify(got container.InspectResponse, want Profile) []Difference {
	if got.Config == nil || got.HostConfig == nil || got.NetworkSettings == nil {
		return []Difference{{"Container", "an inspected container", "a report without Config, HostConfig or NetworkSettings"}}
	}
	r := &report{}
	r.privileges(got, want)
	r.storage(got, want)
	r.namespaces(got.HostConfig)
	r.same("HostConfig.IpcMode", want.IpcMode, string(got.HostConfig.IpcMode))
	r.same("HostConfig.CgroupnsMode", want.CgroupnsMode, string(got.HostConfig.CgroupnsMode))
	r.network(got, want)
	r.limits(got.HostConfig, want)
	r.keeping(got.HostConfig, want)
	return r.differences
}

// report collects differences.
type report struct{ differences []Difference }

func (r *report) add(path string, want, got any) {
	r.differences = append(r.differences, Difference{path, text(want), text(got)})
}

// same adds a difference where got is not want.
func (r *report) same(path string, want, got any) {
	if w, g := text(want), text(got); w != g {
		r.add(path, w, g)
	}
}

// none adds a difference where a list or map has anything in it.
func none[T any](r *report, path string, got []T) {
	if len(got) > 0 {
		r.add(path, "none", got)
	}
}

// text writes a value for people; an empty one is "none".
func text(v any) string {
	if s := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(v), "map"), "[]"); s != "" {
		return s
	}
	return "none"
}

func (r *report) privileges(got container.InspectResponse, want Profile) {
	host := got.HostConfig
	r.same("Config.User", want.User, got.Config.User)
	r.runtime(host.Runtime, want.Runtime)
	r.same("HostConfig.Privileged", false, host.Privileged)
	none(r, "HostConfig.CapAdd", host.CapAdd)
	r.same("HostConfig.CapDrop", names(want.CapDrop), names(host.CapDrop))
	r.same("HostConfig.SecurityOpt", securityOpts(want.SecurityOpts), securityOpts(host.SecurityOpt))
	if got.AppArmorProfile == "unconfined" { // empty where the kernel has no AppArmor
		r.add("AppArmorProfile", "the engine's default", got.AppArmorProfile)
	}
	none(r, "HostConfig.GroupAdd", host.GroupAdd)
	none(r, "HostConfig.Devices", host.Devices)
	none(r, "HostConfig.DeviceRequests", host.DeviceRequests)
	none(r, "HostConfig.DeviceCgroupRules", host.DeviceCgroupRules)
	r.same("HostConfig.Sysctls", want.Sysctls, host.Sysctls)
	r.same("HostConfig.CgroupParent", "", host.CgroupParent)
	r.contains("HostConfig.MaskedPaths", maskedPaths, host.MaskedPaths)
	r.contains("HostConfig.ReadonlyPaths", readonlyPaths, host.ReadonlyPaths)
}

// Paths of the kernel that every engine since 20.10 hides or write-protects by
// default; newer ones have more.
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/timer_list", "/sys/firmware",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// contains adds a difference where a path of want is not in got.
func (r *report) contains(path string, want, got []string) {
	missing := slices.DeleteFunc(slices.Clone(want), func(p string) bool { return slices.Contains(got, p) })
	if len(missing) > 0 {
		r.add(path, want, fmt.Sprintf("a list without %v", missing))
	}
}

func (r *report) storage(got container.InspectResponse, want Profile) {
	host := got.HostConfig
	r.same("HostConfig.ReadonlyRootfs", want.ReadOnly, host.ReadonlyRootfs)
	r.same("HostConfig.ShmSize", want.ShmSize, host.ShmSize)
	r.same("HostConfig.Tmpfs", want.Tmpfs, host.Tmpfs)
	none(r, "HostConfig.Binds", host.Binds)
	r.same("HostConfig.Mounts", volumes(want.mounts()), volumes(host.Mounts))
	none(r, "HostConfig.VolumesFrom", host.VolumesFrom)
	for _, m := range got.Mounts { // an image's VOLUME shows here only
		if slices.ContainsFunc(want.Volumes, func(v Volume) bool {
			return m.Type == mount.TypeVolume && v == Volume{m.Name, m.Destination, !m.RW}
		}) {
			continue
		}
		if _, ok := want.Tmpfs[m.Destination]; !ok || m.Type != mount.TypeTmpfs {
			r.add("Mounts", "none but "+text(slices.Sorted(maps.Keys(want.Tmpfs))), fmt.Sprintf("%s %s at %s", m.Type, m.Name+m.Source, m.Destination))
		}
	}
}

// runtime holds that a container runs under the runtime that was asked for. An
// engine reports its default by name, so a profile that names none takes every one
// that is known to separate at least as a container does.
func (r *report) runtime(got, want string) {
	if want == "" && (got == "" || isolation.Of(got) != "") {
		return
	}
	if want == "" {
		want = "runc, runsc or kata"
	}
	r.same("HostConfig.Runtime", want, got)
}

// volumes are mounts as SOURCE at TARGET, sorted; one that is no volume says its type.
func volumes(list []mount.Mount) []string {
	var out []string
	for _, m := range list {
		text := m.Source + " at " + m.Target
		if m.Type != mount.TypeVolume {
			text = string(m.Type) + " " + text
		}
		if m.ReadOnly {
			text += ", read-only"
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

// namespaces holds that none is shared with the host or another container.
func (r *report) namespaces(host *container.HostConfig) {
	r.same("HostConfig.PidMode", "", string(host.PidMode))
	r.same("HostConfig.UTSMode", "", string(host.UTSMode))
	r.same("HostConfig.UsernsMode", "", string(host.UsernsMode))
	r.same("HostConfig.Cgroup", "", string(host.Cgroup))
}

// keeping judges what is kept of a container, and whether it is kept up.
func (r *report) keeping(host *container.HostConfig, want Profile) {
	r.same("HostConfig.Init", want.Init, host.Init != nil && *host.Init)
	r.same("HostConfig.RestartPolicy", restart(want.Restart, want.MaxRetries),
		restart(string(host.RestartPolicy.Name), host.RestartPolicy.MaximumRetryCount))
	r.same("HostConfig.LogConfig.Type", want.LogDriver, host.LogConfig.Type)
	r.same("HostConfig.LogConfig.Config", want.LogOpts, host.LogConfig.Config)
}

func restart(name string, retries int) string {
	switch {
	case name == "" || name == "no":
		return "no"
	case retries > 0:
		return fmt.Sprintf("%s:%d", name, retries)
	default:
		return name
	}
}

// names returns capabilities in upper case, without CAP_, sorted.
func names(caps []string) []string {
	var list []string
	for _, c := range caps {
		list = append(list, strings.TrimPrefix(strings.ToUpper(c), "CAP_"))
	}
	slices.Sort(list)
	return list
}

// securityOpts returns options sorted and in one spelling.
func securityOpts(opts []string) []string {
	var list []string
	for _, o := range opts {
		switch o {
		case "no-new-privileges:true", "no-new-privileges=true":
			o = "no-new-privileges"
		}
		if profile, ok := strings.CutPrefix(o, "seccomp="); ok && profile == "builtin" {
			continue // the name that newer engines have for their default
		}
		list = append(list, o)
	}
	slices.Sort(list)
	return list
}
