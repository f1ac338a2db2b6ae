package dockerrun_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/oneshot/dockerrun"
	"github.com/envctl/envctl/local/sandbox"
)

// child is the variable that makes this test program a caller that is killed.
const child = "ENVCTL_TEST_ONESHOT_CHILD"

// childEgress is the host that the killed caller's program may reach.
const childEgress = "ENVCTL_TEST_ONESHOT_EGRESS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(child); dir != "" {
		runChild(dir)
	}
	os.Exit(m.Run())
}

// runChild runs a program that does not end by itself.
func runChild(dir string) {
	ctx := nonstop()
	engine, err := docker.Connect(ctx, "", os.Getenv)
	if err == nil {
		deps := oneshot.Deps{Runner: dockerrun.New(engine), Dir: dir}
		spec := python("import time\nprint('up', flush=True)\ntime.sleep(600)")
		spec.Out = filepath.Join(dir, "out")
		if host := os.Getenv(childEgress); host != "" {
			spec.Egress = []string{host}
		}
		_, err = oneshot.Run(ctx, deps, spec, oneshot.Streams{Stdout: os.Stdout, Stderr: os.Stderr})
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
	}
	os.Exit(1)
}

// What a caller that was killed left is gone after the next run.
func TestKilledCaller(t *testing.T) {
	testKilledCaller(t, "", 1, 0)
}

// Nor is its way out, which is a network and a gateway.
func TestKilledCallerWithEgress(t *testing.T) {
	testKilledCaller(t, "example.com", 2, 1)
}

// testKilledCaller expects so many containers and networks of a caller, beside two
// volumes.
func testKilledCaller(t *testing.T, egress string, containers, networks int) {
	r := newRig(t)
	dir := t.TempDir()
	caller := exec.CommandContext(t.Context(), os.Args[0])
	caller.Env, caller.Stderr = append(os.Environ(), child+"="+dir, childEgress+"="+egress), os.Stderr
	stdout, err := caller.StdoutPipe()
	if err == nil {
		err = caller.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "up\n" {
		t.Fatalf("the caller says %q, %v", line, err)
	}
	ids, err := (oneshot.Deps{Dir: dir}).IDs()
	if err != nil || len(ids) != 1 {
		t.Fatalf("runs %v, %v", ids, err)
	}
	if left, err := r.engine.Leftovers(t.Context(), map[string]string{"dev.envctl.run": ids[0]}); err != nil ||
		len(left.Containers) != containers || len(left.Networks) != networks || len(left.Volumes) != 2 {
		t.Fatalf("while it runs there are %+v, %v", left, err)
	}
	r.fine(r.run(python(""), "")) // a neighbour whose caller lives is left alone
	if left, _ := r.engine.Leftovers(t.Context(), map[string]string{"dev.envctl.run": ids[0]}); left.Count() != containers+networks+2 {
		t.Errorf("a run was removed while its caller lives: %+v", left)
	}
	_ = caller.Process.Kill()
	_ = caller.Wait()
	r.fine(r.run(python(""), ""))
	r.gone(ids[0])
}

// The sandbox of a run is what its profile says, and none of it comes from labels.
func TestHardening(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	image := r.derive(map[string]string{
		"dev.envctl.runtime": "none", "dev.envctl.kind": "app", "dev.envctl.network": "host", "io.docker.server.metadata": "{volumes: [/:/host]}",
		"com.docker.run": "docker run --privileged -v /:/host", "RUN": "docker run --privileged IMAGE",
	}, "", "/data")
	spec := oneshot.Spec{Image: image, Args: []string{"sh", "-c", "echo up; touch /data/x; ls /host; read x; df -k /data | tail -1"}, Memory: 128 << 20, CPU: 0.5, Scratch: 16 << 20}
	type seen struct {
		found container.InspectResponse
		err   error
	}
	look := make(chan seen, 1)
	in, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := notifier{on: func() {
		list, err := r.engine.Containers(t.Context(), docker.Filter{Labels: map[string]string{"dev.envctl.kind": "run"}})
		var s seen
		s.err = err
		for _, c := range list {
			if c.Image == image || strings.HasPrefix(c.ImageID, image) {
				s.found, _, s.err = r.engine.Inspect(t.Context(), c.ID)
			}
		}
		look <- s
		_ = typed.Close()
	}}
	var stderr strings.Builder
	spec.Isolation = r.level
	report, err := oneshot.Run(t.Context(), r.deps, spec, oneshot.Streams{Stdin: in, Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	s := <-look
	if s.err != nil || s.found.HostConfig == nil {
		t.Fatalf("the container was not seen: %v", s.err)
	}
	raw, _ := json.Marshal(s.found.HostConfig)
	want := sandbox.New(sandbox.Job, workload(128<<20, 0.5, 16<<20), "none")
	want.LogDriver, want.LogOpts = "none", nil
	want.Ulimits = append(want.Ulimits, sandbox.Ulimit{Name: "fsize", Value: 1 << 30})
	want.Tmpfs["/data"] = sandbox.TmpfsOptions(16 << 20)
	want.Tmpfs["/out"] = "rw,exec,nosuid,nodev,mode=0700,uid=65532,gid=65532,size=16777216"
	if differences := sandbox.Verify(s.found, want); len(differences) > 0 {
		t.Errorf("%v\n%s", differences, raw)
	}
	if !strings.Contains(stderr.String(), "/host") || !strings.Contains(stdout.text, " 16384 ") {
		t.Errorf("stdout %q, stderr %q", stdout.text, stderr.String())
	}
	r.gone(report.ID)
}

// A working folder of the kernel's can be a way out (CVE-2024-21626).
func TestWorkingFolders(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for folder, refused := range map[string]bool{
		"/proc/self/fd/8": true, "/proc": true, "/sys/fs/cgroup": true, "/dev/fd/7": true, "/tmp/../proc/self/fd/9": true, "/srv/proc": false,
	} {
		image := r.derive(nil, folder, "")
		res := r.run(oneshot.Spec{Image: image, Args: []string{"pwd"}}, "")
		if refused != (kind(res.failed) == "image") || !refused && res.out != folder+"\n" {
			t.Errorf("%s: %v, stdout %q", folder, res.failed, res.out)
		}
	}
}

// What is left in /out is brought back without what could hurt.
func TestHostileResults(t *testing.T) { underEach(t, hostileResults) }

func hostileResults(t *testing.T, r rig) {
	spec := python(`
import os
os.chdir("/out")
open("good", "w").write("x"); os.chmod("good", 0o6777)
os.symlink("/etc/passwd", "link"); os.symlink("..", "up"); os.link("good", "hard"); os.mkfifo("pipe")
`)
	spec.Out = filepath.Join(r.dir, "out")
	res := r.fine(r.run(spec, ""))
	entries, err := os.ReadDir(spec.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.Mode()&(os.ModeSetuid|os.ModeSetgid|0o022) != 0 {
			t.Errorf("%s is %v, %v", e.Name(), info.Mode(), err)
		}
	}
	skipped := 4
	if r.level == isolation.GVisor {
		skipped-- // the pipe was in its own kernel only
	}
	if res.Files.Skipped != skipped || res.Files.Files != 1 {
		t.Errorf("files: %+v", res.Files)
	}
	if again := r.run(spec, ""); kind(again.failed) != "exists" {
		t.Errorf("results were written among others: %v", again.failed)
	}
}

// derive makes an image with other metadata and returns its ID.
func (r rig) derive(labels map[string]string, workDir, volume string) string {
	r.Helper()
	api := r.engine.Client()
	made, err := api.ContainerCreate(r.Context(), client.ContainerCreateOptions{Config: &container.Config{Image: pythonImage, Cmd: []string{"none"}}})
	if err != nil {
		r.Fatal(err)
	}
	defer func() {
		_, _ = api.ContainerRemove(r.Context(), made.ID, client.ContainerRemoveOptions{Force: true})
	}()
	config := &container.Config{Labels: labels, WorkingDir: workDir, Cmd: []string{"sh"}}
	if volume != "" {
		config.Volumes = map[string]struct{}{volume: {}}
	}
	image, err := api.ContainerCommit(r.Context(), made.ID, client.ContainerCommitOptions{Config: config, NoPause: true, Comment: r.Name() + time.Now().String()})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _, _ = api.ImageRemove(nonstop(), image.ID, client.ImageRemoveOptions{Force: true}) })
	return image.ID
}
