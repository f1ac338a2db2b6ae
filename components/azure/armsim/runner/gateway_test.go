package runner_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/sandbox"
)

// gateway is the only one of the rig's environment.
func (r *rig) gateway() docker.Container {
	r.tb.Helper()
	list, err := r.engine.Containers(r.tb.Context(), docker.Filter{Labels: map[string]string{
		"dev.envctl.azure.environment": r.environment, "dev.envctl.kind": "gateway",
	}})
	check(r.tb, err)
	if len(list) != 1 {
		r.tb.Fatalf("%d gateways, expected one", len(list))
	}
	return list[0]
}

// The gateway is hardened, publishes on the loopback only, and does not serve the
// names of the inside to its outer network.
func TestGatewayIsHardened(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.apply(r.app("api"), run.Running)
	g := r.gateway()
	got, _, err := r.engine.Inspect(t.Context(), g.ID)
	check(t, err)
	info, err := r.engine.Info(t.Context())
	check(t, err)
	network, _, _ := strings.Cut(g.Name, ".gateway.")
	want := sandbox.New(sandbox.Gateway, plan.Workload{User: 65532, CPU: 0.5, Memory: gateway.MemoryLimit}, network, "bridge")
	want.Sysctls = gateway.Sysctls(info.InterfaceSysctls)
	if d := sandbox.Verify(got, want); len(d) > 0 {
		t.Errorf("the gateway is not hardened: %v", d)
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(got.NetworkSettings.Networks["bridge"].IPAddress.String(), "80"), time.Second)
	if err == nil {
		_ = conn.Close()
		t.Error("it serves the inside to its outer network")
	}
}

// A port that somebody took while the gateway was away is changed for another.
func TestPortThatIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	st := r.apply(r.app("api"), run.Running)
	check(t, r.run.Remove(t.Context(), r.app("api").ID))
	l, err := net.Listen("tcp", st.Address)
	check(t, err)
	defer l.Close()
	now := r.apply(r.app("api"), run.Running)
	if now.Address == st.Address {
		t.Errorf("it is at %s, which is taken", now.Address)
	}
	r.get(now, "/")
	answer, err := http.Get("http://" + now.Address + "/healthz")
	check(t, err)
	_ = answer.Body.Close()
}
