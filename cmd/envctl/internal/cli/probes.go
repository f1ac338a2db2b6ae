package cli

import (
	"context"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
)

// realProbes asks this machine.
func realProbes(s Settings) doctor.Probes {
	return doctor.Probes{
		Engine: func(ctx context.Context) (doctor.Engine, error) { return probeEngine(ctx, s) },
		Space:  freeSpace,
		State:  probeState(s.Getenv),
	}
}

func probeEngine(ctx context.Context, s Settings) (doctor.Engine, error) {
	engine, err := docker.Connect(ctx, s.Host, s.Getenv)
	if err != nil {
		return doctor.Engine{}, err
	}
	defer func() { _ = engine.Close() }() // idle connections only
	info, err := engine.Info(ctx)
	if err != nil {
		return doctor.Engine{}, err
	}
	e := doctor.Engine{
		Host: info.Host, Local: strings.HasPrefix(info.Host, "unix://"), Version: info.Version, API: info.API,
		OSType: info.OSType, StorageDriver: info.StorageDriver, Containerd: info.ContainerdStore,
		Isolation: isolation.Strongest(isolation.Engine{Runtimes: info.Runtimes, Default: info.DefaultRuntime}),
		RootDir:   info.RootDir, Cgroup: info.CgroupVersion, Seccomp: info.Seccomp, Rootless: info.Rootless,
		Runc: info.Runc, RuncMended: info.RuncMended,
	}
	for _, l := range []struct {
		enforced bool
		name     string
	}{{info.Limits.Memory, "memory"}, {info.Limits.Swap, "swap"}, {info.Limits.Pids, "pids"}, {info.Limits.CPU, "cpu"}} {
		if !l.enforced {
			e.Missing = append(e.Missing, l.name)
		}
	}
	// A clock that cannot be read is left zero; the check says so.
	if answer, err := engine.Client().Info(ctx, client.InfoOptions{}); err == nil {
		e.Asked = time.Now()
		e.Time, _ = time.Parse(time.RFC3339Nano, answer.Info.SystemTime)
	}
	return e, nil
}

// freeSpace asks the file system of dir what is left for unprivileged users.
func freeSpace(dir string) (free, total int64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, 0, err
	}
	return int64(fs.Bavail) * int64(fs.Bsize), int64(fs.Blocks) * int64(fs.Bsize), nil
}
