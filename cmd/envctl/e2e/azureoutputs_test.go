package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/envctl/envctl/local/docker"
)

// A run that brings outputs back from Azure is killed: its execution goes on, another
// one is refused meanwhile, and after its end the next one has its own files only.
func TestAKilledRunOnAzure(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, `name: @NAME@
jobs:
  slow: {build: {context: app}, args: [sleep, 4s], cpu: 0.25, memory: 512Mi, outputs: /out}
targets:
  azure: {location: swedencentral}
`)
	azure := []string{"-t", "azure", "--simulate"}
	call := func(args ...string) []string { return append(args, azure...) }
	x.must(0, call("up", "--build", "--yes")...)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd, _, errs := x.command(ctx, call("run", "slow", "--out", "killed")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x.waitForExecution(ctx)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	refused := x.must(1, call("run", "slow", "--out", "refused")...)
	has(t, refused.stderr, "runs already as slow-", "one folder", "without --out")
	if _, err := os.Stat(filepath.Join(x.dir, "killed")); !os.IsNotExist(err) {
		t.Errorf("the killed run has brought something: %v; %s", err, errs)
	}
	for {
		c := x.run(call("run", "slow", "--out", "own", "--", "write", "/out/own.txt", "mine")...)
		if c.code == 0 {
			break
		}
		if has(t, c.stderr, "runs already as"); t.Failed() || ctx.Err() != nil {
			t.Fatal(c)
		}
	}
	if list, err := os.ReadDir(filepath.Join(x.dir, "own")); err != nil || len(list) != 1 || list[0].Name() != "own.txt" {
		t.Errorf("%v, %v", list, err)
	}
	x.must(0, call("down")...)
	if left, err := leftovers(context.Background(), x.engine, x.name); err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
}

// waitForExecution waits until a container of a job's execution runs.
func (x *experiment) waitForExecution(ctx context.Context) {
	x.t.Helper()
	for ctx.Err() == nil {
		list, err := x.engine.Containers(ctx, docker.Filter{Labels: map[string]string{"dev.envctl.experiment": x.name, "dev.envctl.kind": "job"}})
		if err != nil {
			x.t.Fatal(err)
		}
		for _, c := range list {
			if c.State == "running" {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	x.t.Fatal("no execution runs")
}
