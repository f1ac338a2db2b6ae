package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

// oldest is the oldest engine that envctl is tested on.
const oldestMajor, oldestMinor = 20, 10

// maxSkew is the difference of clocks from which expiry and "since" go wrong.
const maxSkew = 5 * time.Second

// Free space below which builds are likely to fail, in bytes.
const (
	spaceTight = 5 << 30
	spaceNone  = 1 << 30
)

// docker makes the checks of the engine's group.
func docker(ctx context.Context, p Probes) []output.Finding {
	e, err := p.Engine(ctx)
	if err != nil {
		detail, fix := err.Error(), "start Docker, or set DOCKER_HOST to an engine that runs"
		if p.Explain != nil {
			detail, fix = p.Explain(err)
		}
		return []output.Finding{finding("engine", output.FindingFailed, detail, fix)}
	}
	checks := []func(Engine) output.Finding{reachable, version, storage, cgroup, seccomp, runtime, isolated, clock}
	var all []output.Finding
	for _, check := range checks {
		all = append(all, check(e))
	}
	return append(all, space(e, p.Space))
}

func finding(name, state, detail, fix string) output.Finding {
	return output.Finding{Group: "docker", Name: name, State: state, Detail: detail, Fix: fix}
}

func reachable(e Engine) output.Finding {
	if e.OSType != "" && e.OSType != "linux" {
		return finding("engine", output.FindingFailed, fmt.Sprintf("%s runs %s containers", e.Host, e.OSType),
			"switch Docker Desktop to Linux containers")
	}
	detail := e.Host
	if e.Rootless {
		detail += ", rootless"
	}
	return finding("engine", output.FindingOK, detail, "")
}

func version(e Engine) output.Finding {
	detail := e.Version + ", API " + e.API
	major, minor, ok := majorMinor(e.Version)
	if ok && (major < oldestMajor || major == oldestMajor && minor < oldestMinor) {
		return finding("version", output.FindingFailed, detail,
			fmt.Sprintf("update Docker Engine to %d.%d or newer", oldestMajor, oldestMinor))
	}
	return finding("version", output.FindingOK, detail, "")
}

func majorMinor(v string) (major, minor int, ok bool) {
	parts := strings.SplitN(v, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err == nil && err2 == nil
}

func storage(e Engine) output.Finding {
	detail := e.StorageDriver
	if e.Containerd {
		detail += " in containerd's image store"
	}
	if e.StorageDriver == "vfs" {
		return finding("storage", output.FindingWarning, detail+": every layer is a whole copy, slow and large",
			"let the engine use overlay2")
	}
	return finding("storage", output.FindingOK, detail, "")
}

func cgroup(e Engine) output.Finding {
	detail := "version not told"
	if e.Cgroup > 0 {
		detail = fmt.Sprintf("version %d", e.Cgroup)
	}
	if len(e.Missing) > 0 {
		return finding("cgroup", output.FindingWarning, detail+", without limits of "+strings.Join(e.Missing, ", "),
			"start the kernel with cgroup_enable=memory swapaccount=1, or use cgroup version 2")
	}
	return finding("cgroup", output.FindingOK, detail+", all limits in force", "")
}

func seccomp(e Engine) output.Finding {
	if !e.Seccomp {
		return finding("seccomp", output.FindingWarning, "the engine's default profile is off",
			"leave seccomp-profile out of the engine's daemon.json")
	}
	return finding("seccomp", output.FindingOK, "the engine's default profile is on", "")
}

// runtime is what makes containers. A distribution mends an old version without
// another number, which is no fault then.
func runtime(e Engine) output.Finding {
	const holes = "CVE-2025-31133 and its kin"
	switch {
	case e.Runc == "":
		return finding("runc", output.FindingSkipped, "the engine does not tell its version", "")
	case e.RuncMended:
		return finding("runc", output.FindingOK, e.Runc, "")
	case strings.ContainsAny(e.Runc, "+~") || strings.Contains(e.Runc, "ubuntu"):
		return finding("runc", output.FindingOK, e.Runc+" of a distribution, which may have mended "+holes, "")
	}
	return finding("runc", output.FindingWarning, e.Runc+" has "+holes+": a hostile container may get out when it starts", "update runc to 1.2.8, 1.3.3 or newer")
}

// isolated is no fault either way: a container is what most machines have.
func isolated(e Engine) output.Finding {
	switch e.Isolation {
	case "gvisor":
		return finding("isolation", output.FindingOK, "gVisor for runs, containers for apps unless the definition says gvisor", "")
	case "vm":
		return finding("isolation", output.FindingOK, "virtual machines for runs, containers for apps unless the definition says vm", "")
	}
	return finding("isolation", output.FindingOK, "containers, which share the host's kernel; envctl doctor --fix isolation adds gVisor", "")
}

func clock(e Engine) output.Finding {
	if e.Time.IsZero() {
		return finding("clock", output.FindingSkipped, "the engine does not tell its time", "")
	}
	skew := e.Time.Sub(e.Asked).Round(time.Second)
	if skew.Abs() > maxSkew {
		return finding("clock", output.FindingWarning, fmt.Sprintf("the engine's clock differs by %s", skew),
			"set both clocks by NTP; with Docker Desktop, restart it")
	}
	return finding("clock", output.FindingOK, "the engine's is the same as here", "")
}

func space(e Engine, measure func(string) (int64, int64, error)) output.Finding {
	if measure == nil || !e.Local || e.RootDir == "" {
		return finding("disk", output.FindingSkipped, "the engine is not on this machine", "")
	}
	free, total, err := measure(e.RootDir)
	if err != nil {
		return finding("disk", output.FindingSkipped, fmt.Sprintf("%s cannot be looked at from here", e.RootDir), "")
	}
	detail := fmt.Sprintf("%s of %s free in %s", gib(free), gib(total), e.RootDir)
	const fix = "remove what is not needed: docker system df shows what takes the space"
	switch {
	case free < spaceNone:
		return finding("disk", output.FindingFailed, detail, fix)
	case free < spaceTight:
		return finding("disk", output.FindingWarning, detail, fix)
	}
	return finding("disk", output.FindingOK, detail, "")
}

func gib(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
