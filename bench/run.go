package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/sandbox"
)

// The programs that run a container which ends at once.
const (
	runEnvctl = "envctl run"
	runDocker = "docker run --rm"
	// withScript marks the rows of a script.
	withScript = " of a script"
)

// timeRuns times `envctl run` against the docker CLI with the same hardening.
func (r *report) timeRuns(ctx context.Context, o options, dir string) error {
	if !r.have(o, "envctl") {
		return nil
	}
	docker, err := exec.LookPath("docker")
	if err != nil {
		r.Missing = append(r.Missing, "`docker run`: no docker CLI on PATH")
	}
	for _, level := range []string{isolation.Container, isolation.GVisor} {
		list := []*single{{
			Name: runEnvctl + under(level), env: privateHome(filepath.Join(dir, "run-"+level)),
			args: []string{filepath.Join(o.bin, "envctl"), "run", "-q", "--isolation", level, "--image", image, "--", "end"},
		}}
		if level == isolation.GVisor && exec.CommandContext(ctx, list[0].args[0], list[0].args[1:]...).Run() != nil {
			r.Missing = append(r.Missing, "`envctl run` under gVisor: the engine has no runsc (make isolation)")
			continue
		}
		if docker != "" {
			list = append(list, &single{Name: runDocker + under(level), args: append(dockerRun(docker, level), image, "end")})
			script, err := scripts(o, docker, filepath.Join(dir, "script-"+level), level)
			if err != nil {
				return err
			}
			list = append(list, script...)
		}
		if err := timeSingles(ctx, list, 4*o.rounds); err != nil {
			return err
		}
		r.Singles = append(r.Singles, list...)
	}
	return nil
}

// scripts are the runs of a script that does nothing: envctl copies it in, docker
// mounts the file of the host. The program of the image stands for an interpreter.
func scripts(o options, docker, dir, level string) ([]*single, error) {
	script, config := filepath.Join(dir, "noop.bench"), filepath.Join(dir, "config", "envctl", "languages.yaml")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(script, nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, []byte(".bench: {image: "+image+", command: [/program]}\n"), 0o600); err != nil {
		return nil, err
	}
	inside := path.Join(oneshot.InDir, filepath.Base(script))
	return []*single{
		{
			Name: runEnvctl + withScript + under(level), env: privateHome(dir),
			args: []string{filepath.Join(o.bin, "envctl"), "run", "-q", "--isolation", level, "--file", script},
		},
		{
			Name: runDocker + withScript + under(level),
			args: append(dockerRun(docker, level), "-v", script+":"+inside+":ro", "--entrypoint", "/program", image, inside),
		},
	}, nil
}

// under is how the names of rows tell a level; a container is the usual one.
func under(level string) string {
	if level == isolation.Container {
		return ""
	}
	return " under gVisor"
}

// runtimes are what the levels are called by the engines of make isolation.
var runtimes = map[string]string{isolation.Container: "runc", isolation.GVisor: "runsc"}

// dockerRun is the docker CLI's command line for the sandbox that envctl gives a
// run; the image and its arguments follow.
func dockerRun(docker, level string) []string {
	p := sandbox.New(sandbox.Job, plan.Workload{
		User: 65532, CPU: oneshot.DefaultCPU, Memory: oneshot.DefaultMemory, Scratch: oneshot.DefaultScratch,
	}, "none")
	args := []string{
		docker, "run", "--rm", "-i", "--runtime", runtimes[level], "--network", "none", "--user", p.User, "--init", "--read-only", "--log-driver", "none",
		"--memory", strconv.FormatInt(p.Memory, 10), "--memory-swap", strconv.FormatInt(p.MemorySwap, 10),
		"--cpu-period", strconv.FormatInt(p.CPUPeriod, 10), "--cpu-quota", strconv.FormatInt(p.CPUQuota, 10),
		"--pids-limit", strconv.FormatInt(p.PidsLimit, 10), "--oom-score-adj", strconv.Itoa(p.OOMScoreAdj),
		"--shm-size", strconv.FormatInt(p.ShmSize, 10), "--ipc", p.IpcMode, "--cgroupns", p.CgroupnsMode,
		"--tmpfs", oneshot.OutDir + ":rw,exec,nosuid,nodev,mode=0700,uid=65532,gid=65532",
	}
	for _, name := range p.CapDrop {
		args = append(args, "--cap-drop", name)
	}
	for _, option := range p.SecurityOpts {
		args = append(args, "--security-opt", option)
	}
	for folder, options := range p.Tmpfs {
		args = append(args, "--tmpfs", folder+":"+options)
	}
	for _, u := range p.Ulimits {
		args = append(args, "--ulimit", fmt.Sprintf("%s=%d:%d", u.Name, u.Value, u.Value))
	}
	return args
}
