package gateway_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

func app(name string, port int, public bool) plan.Workload {
	return plan.Workload{Kind: plan.App, Name: name, Ingress: &plan.Ingress{Port: port, Public: public}}
}

func TestConfigFollowsThePlan(t *testing.T) {
	t.Parallel()
	worker := plan.Workload{Kind: plan.App, Name: "worker"}
	job := plan.Workload{Kind: plan.Job, Name: "load", Run: &plan.Run{Timeout: 1}}
	api := app("api", 8080, true)
	api.Health = &plan.Health{Path: "/healthz", Interval: 5, Timeout: 1, Retries: 2, Grace: 60}
	apiProbe := protocol.Probe{App: "api", Host: "api--replicas", Port: 8080, Path: "/healthz", Interval: 5, Timeout: 1, Retries: 2, Grace: 60}
	tcp := func(name string, port int) protocol.Probe {
		return protocol.Probe{App: name, Host: name + "--replicas", Port: port, Interval: 10, Timeout: 2, Retries: 3, Grace: 30}
	}
	cases := map[string]struct {
		workloads []plan.Workload
		routes    []protocol.Route
		probes    []protocol.Probe
	}{
		"nothing":              {nil, nil, nil},
		"no ingress":           {[]plan.Workload{worker, job}, nil, nil},
		"inner ingress only":   {[]plan.Workload{app("store", 6379, false)}, nil, []protocol.Probe{tcp("store", 6379)}},
		"public with a health": {[]plan.Workload{api, worker}, []protocol.Route{{App: "api", Listen: 8001, Host: "api--replicas", Port: 8080}}, []protocol.Probe{apiProbe}},
		"same port, any order": {
			[]plan.Workload{app("web", 8080, true), app("store", 6379, false), api},
			[]protocol.Route{{App: "api", Listen: 8001, Host: "api--replicas", Port: 8080}, {App: "web", Listen: 8002, Host: "web--replicas", Port: 8080}},
			[]protocol.Probe{apiProbe, tcp("store", 6379), tcp("web", 8080)},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := gateway.ConfigFor(plan.Spec{Workloads: test.workloads})
			if ok != (len(test.probes) > 0) {
				t.Errorf("needs a gateway: %v, with probes %v", ok, test.probes)
			}
			want := protocol.Config{Ingress: protocol.Ingress{HostOnly: true, Routes: test.routes}, Health: protocol.Health{Probes: test.probes}}
			for _, p := range test.probes { // who can be asked from outside can be from inside
				want.Ingress.Inside.Listen = 80
				want.Ingress.Inside.Routes = append(want.Ingress.Inside.Routes, protocol.InsideRoute{App: p.App, Host: p.Host, Port: p.Port})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if _, err := got.Encode(); err != nil {
				t.Errorf("not valid: %v", err)
			}
		})
	}
}

func TestUnchangedPlanHasTheSameConfig(t *testing.T) {
	t.Parallel()
	one, _ := gateway.ConfigFor(plan.Spec{Workloads: []plan.Workload{app("b", 1, true), app("a", 2, true)}})
	two, _ := gateway.ConfigFor(plan.Spec{Workloads: []plan.Workload{app("a", 2, true), app("b", 1, true)}})
	first, err := one.Encode()
	if err != nil {
		t.Fatal(err)
	}
	second, err := two.Encode()
	if err != nil || first != second {
		t.Errorf("%s and %s, %v", first, second, err)
	}
}

func TestConfigHasWhatWorkloadsAskFor(t *testing.T) {
	t.Parallel()
	spec := plan.Spec{Experiment: "exp", Instance: "one", Workloads: []plan.Workload{
		{Kind: plan.App, Name: "web", Egress: []string{"api.github.com", "*.example.com:8443"}},
		{Kind: plan.App, Name: "api", Models: []string{"chat", "embed"}},
		{Kind: plan.Job, Name: "load", Run: &plan.Run{Timeout: 1}},
	}}
	got, ok := gateway.ConfigFor(spec)
	id := func(app string) string { return protocol.ClientID("exp.one", app) }
	want := protocol.Config{
		Ingress: protocol.Ingress{HostOnly: true},
		Egress: protocol.Egress{Listen: 3128, Clients: []protocol.EgressClient{
			{App: "web", Host: "web--replicas", Allow: []string{"api.github.com", "*.example.com:8443"}},
		}},
		Identity: protocol.Identity{Listen: 4141, Tenant: protocol.TenantID("exp.one"), Clients: []protocol.IdentityClient{
			{App: "api", Host: "api--replicas", ClientID: id("api"), Resources: []string{"https://cognitiveservices.azure.com"}},
			{App: "load", Host: "load--replicas", ClientID: id("load")},
			{App: "web", Host: "web--replicas", ClientID: id("web")},
		}},
		Models: protocol.Models{Listen: 443, Host: "models.envctl.internal", Trust: "/run/envctl/trust", Clients: []protocol.ModelsClient{
			{App: "api", Host: "api--replicas", Models: []string{"chat", "embed"}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("%v %s", ok, diff)
	}
	if _, err := got.Encode(); err != nil {
		t.Error(err)
	}
}
