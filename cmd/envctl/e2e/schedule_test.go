package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/azure/armsim/runner"
	target "github.com/envctl/envctl/components/docker"
)

const scheduledDefinition = `name: @NAME@
jobs:
  tick:
    build: {context: app}
    args: [exit, "0"]
    schedule: "* * * * *"
targets:
  local: {schedules: manual}
  azure: {location: swedencentral}
`

// A job of the simulator starts by its schedule also while no command runs, each
// minute.
func TestASimulatedScheduleGoesOnBetweenCommands(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for two minutes to begin")
	}
	x := newExperiment(t, scheduledDefinition)
	x.must(0, "up")
	x.must(0, "up", "-t", "azure", "--simulate", "--yes")
	up := time.Now()
	first := x.nextRun(up)
	second := x.nextRun(first)
	if second.Sub(first) < 50*time.Second || second.Second() > 30 && second.Second() < 59 {
		t.Errorf("a job of each minute ran at %v and %v", first, second)
	}
	x.must(0, "down", "-t", "azure", "--simulate", "--yes")
	if left := x.simulatedRuns(); len(left) > 0 {
		t.Errorf("down left %v", left)
	}
	x.must(0, "down")
}

// nextRun waits for an execution that began after a time and has ended well.
func (x *experiment) nextRun(after time.Time) time.Time {
	x.t.Helper()
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		for _, c := range x.simulatedRuns() {
			made := time.Unix(c.Created, 0)
			if made.After(after) && c.State == container.StateExited && strings.HasPrefix(c.Status, "Exited (0)") {
				return made
			}
		}
	}
	x.t.Fatalf("no job began after %v: %v", after, x.simulatedRuns())
	return time.Time{}
}

// simulatedRuns are the containers of the experiment's jobs on the simulated Azure.
func (x *experiment) simulatedRuns() []container.Summary {
	x.t.Helper()
	filters := make(client.Filters).Add("label", target.LabelExperiment+"="+x.name, runner.LabelTarget+"="+runner.Target, runner.LabelKind+"=job", runner.LabelComponent+"=tick")
	list, err := x.engine.Client().ContainerList(context.Background(), client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		x.t.Fatal(err)
	}
	return list.Items
}
