package containment_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/containment"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// child is the variable that makes this test program a run that is killed.
const child = "ENVCTL_TEST_CONTAINMENT_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		ctx := context.Background()
		engine, err := docker.Connect(ctx, "", os.Getenv)
		if err == nil {
			_, err = containment.Run(ctx, containment.Options{Engine: engine, Local: true})
		}
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// What a run that was killed left is found, goes, and takes nothing of others along.
func TestKilledRun(t *testing.T) {
	e := dockertest.Engine(t)
	folders := func() []string {
		found, err := filepath.Glob(filepath.Join(os.TempDir(), "envctl-containment-*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := folders()
	killed := exec.CommandContext(t.Context(), os.Args[0])
	killed.Env = append(os.Environ(), child+"=1")
	var said strings.Builder
	killed.Stderr = &said
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	// The gateway is the last of what it makes.
	mine := fmt.Sprintf("/%d/", killed.Process.Pid)
	var run string
	for deadline := time.Now().Add(2 * time.Minute); run == ""; time.Sleep(20 * time.Millisecond) {
		list, err := e.Containers(t.Context(), docker.Filter{Labels: map[string]string{"dev.envctl.experiment": "envctl-containment"}})
		if err != nil || time.Now().After(deadline) {
			_ = killed.Process.Kill()
			t.Fatalf("nothing to kill: %+v, %v, %s", list, err, &said)
		}
		of := slices.DeleteFunc(list, func(c docker.Container) bool { return !strings.Contains(c.Labels["dev.envctl.owner"], mine) })
		if len(of) >= 2 {
			run = of[0].Labels["dev.envctl.instance"]
		}
	}
	if left, err := containment.Left(t.Context(), e); err != nil || slices.ContainsFunc(left, func(r containment.Remains) bool { return r.Run == run }) {
		t.Errorf("what is used is left over: %+v, %v", left, err)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // it was killed

	its := map[string]string{"dev.envctl.experiment": "envctl-containment", "dev.envctl.instance": run}
	objects, err := e.Leftovers(t.Context(), its)
	if err != nil || len(objects.Containers) < 2 || len(objects.Networks) != 2 || len(objects.Images) == 0 {
		t.Errorf("the killed run left %+v, %v", objects, err)
	}
	space := "/var/run/netns/envctl-canary-" + run
	if _, err := os.Stat(space); err != nil && os.Geteuid() == 0 {
		t.Errorf("it left no namespace: %v", err)
	}
	left, err := containment.Left(t.Context(), e)
	i := slices.IndexFunc(left, func(r containment.Remains) bool { return r.Run == run })
	if err != nil || i < 0 {
		t.Fatalf("its remains are not among %+v, %v", left, err)
	}
	if err := left[i].Remove(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if objects, err := e.Leftovers(t.Context(), its); err != nil || objects.Count() != 0 {
		t.Errorf("left still: %+v, %v", objects, err)
	}
	if _, err := os.Lstat(space); err == nil {
		t.Errorf("%s is there still", space)
	}
	for _, folder := range folders() {
		if !slices.Contains(before, folder) && strings.Contains(folder, run) {
			t.Errorf("%s is there still", folder)
		}
	}
	if err := left[i].Remove(t.Context(), e); err != nil {
		t.Errorf("once more: %v", err)
	}
}
