// Package gateway is the host's side of what runs beside the apps of a local
// sandbox: which configuration a plan needs ([ConfigFor]), the image of the
// container ([Image]) and what the container tells ([Follow], [WaitHealthy]).
//
// The apps of a sandbox are on an internal network that publishes no ports. The
// gateway's container is on that network and on one with a way out; it is made
// only where an app has ingress, publishes ports at 127.0.0.1 only, and runs with
// the hardening profile of an app. The program inside is the package serve.
package gateway

import (
	"slices"
	"strings"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	// FirstPort is the port of the first app inside the gateway's container, in
	// the order of names; the others follow.
	FirstPort = 8001
	// InsidePort is where apps call each other by name, as in Container Apps.
	InsidePort = 80

	// A TCP check is made with the values that a health check has by default.
	defaultInterval = 10.0
	defaultTimeout  = 2.0
	defaultRetries  = 3
	defaultGrace    = 30.0
)

// ConfigFor returns the configuration of the gateway that spec needs. It is false
// when no app has ingress and no workload has egress or models, so that there is
// nothing for a gateway to do.
//
// Each app with ingress is probed at its port, at the path of its health check or
// else by a TCP connection, and others call it by its name. Each public one also
// has a route. The result depends on what the plan calls its workloads and on what
// it says of their ingress, health, egress and models only.
func ConfigFor(spec plan.Spec) (protocol.Config, bool) {
	cfg := protocol.Config{Ingress: protocol.Ingress{HostOnly: true}}
	port := FirstPort
	for _, app := range appsWithIngress(spec) {
		cfg.Health.Probes = append(cfg.Health.Probes, probeOf(app))
		cfg.Ingress.Inside.Listen = InsidePort
		cfg.Ingress.Inside.Routes = append(cfg.Ingress.Inside.Routes, protocol.InsideRoute{
			App: app.Name, Host: Replicas(app.Name), Port: app.Ingress.Port,
		})
		if app.Ingress.Public {
			cfg.Ingress.Routes = append(cfg.Ingress.Routes, protocol.Route{
				App: app.Name, Listen: port, Host: Replicas(app.Name), Port: app.Ingress.Port,
			})
			port++
		}
	}
	addServices(&cfg, spec)
	return cfg, !cfg.Empty()
}

// Replicas is what the containers of a workload are called on the internal network.
// The app's own name is its ingress there, and so the gateway's. No workload can
// have such a name.
func Replicas(workload string) string { return workload + "--replicas" }

func appsWithIngress(spec plan.Spec) []plan.Workload {
	var apps []plan.Workload
	for _, w := range spec.Workloads {
		if w.Kind == plan.App && w.Ingress != nil {
			apps = append(apps, w)
		}
	}
	slices.SortFunc(apps, func(a, b plan.Workload) int { return strings.Compare(a.Name, b.Name) })
	return apps
}

func probeOf(app plan.Workload) protocol.Probe {
	p := protocol.Probe{
		App: app.Name, Host: Replicas(app.Name), Port: app.Ingress.Port,
		Interval: defaultInterval, Timeout: defaultTimeout, Retries: defaultRetries, Grace: defaultGrace,
	}
	if h := app.Health; h != nil {
		p.Path, p.Interval, p.Timeout, p.Retries, p.Grace = h.Path, h.Interval, h.Timeout, h.Retries, h.Grace
	}
	return p
}
