package local

import (
	"testing"

	"github.com/moby/moby/api/types/container"

	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/stacks"
)

// An app that ends again and again is told as one also while it runs between two ends.
func TestStatusOfAnApp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state    container.State
		restarts int
		health   protocol.State
		want     string
		reason   string
	}{
		"runs":                 {container.State{Running: true}, 0, protocol.StateHealthy, stacks.AppRunning, ""},
		"runs, not looked at":  {container.State{Running: true}, 3, "", stacks.AppRunning, ""},
		"runs again":           {container.State{Running: true}, 3, protocol.StateHealthy, stacks.AppRunning, ""},
		"begins":               {container.State{Running: true}, 0, protocol.StateStarting, stacks.AppStarting, "503"},
		"sick":                 {container.State{Running: true}, 0, protocol.StateUnhealthy, stacks.AppUnhealthy, "503"},
		"between two ends":     {container.State{Running: true}, 3, protocol.StateNeverUp, stacks.AppRestarting, "it ended and was started again 3 times"},
		"waits to start again": {container.State{Running: true, Restarting: true, ExitCode: 3}, 3, "", stacks.AppRestarting, "exit status 3"},
		"ended":                {container.State{ExitCode: 137}, 0, "", stacks.AppExited, "killed by signal 9 (exit status 137)"},
	} {
		f := found{got: &container.InspectResponse{State: &c.state, RestartCount: c.restarts, HostConfig: &container.HostConfig{}}}
		if got := f.status(protocol.AppStatus{State: c.health, Reason: "503"}); got.State != c.want || got.Reason != c.reason {
			t.Errorf("%s: %s, %q", name, got.State, got.Reason)
		}
	}
}
