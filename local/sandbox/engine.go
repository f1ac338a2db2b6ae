package sandbox

import (
	"slices"
	"strings"

	"github.com/moby/moby/api/types/system"
)

// VerifyEngine judges what no setting of a container can make up for: an engine
// that filters no system calls by default, or that cannot enforce a limit.
func VerifyEngine(info system.Info) []Difference {
	r := &report{}
	if !slices.ContainsFunc(info.SecurityOptions, defaultSeccomp) {
		r.add("SecurityOptions", "name=seccomp with the default profile", info.SecurityOptions)
	}
	r.same("OSType", "linux", info.OSType)
	r.same("MemoryLimit", true, info.MemoryLimit)
	r.same("SwapLimit", true, info.SwapLimit)
	r.same("PidsLimit", true, info.PidsLimit)
	r.same("CpuCfsQuota", true, info.CPUCfsQuota)
	return r.differences
}

// defaultSeccomp knows both generations' names of the engine's own filter.
func defaultSeccomp(option string) bool {
	return strings.HasPrefix(option, "name=seccomp") && !strings.Contains(option, "unconfined") &&
		(strings.Contains(option, "profile=default") || strings.Contains(option, "profile=builtin") || !strings.Contains(option, "profile="))
}
