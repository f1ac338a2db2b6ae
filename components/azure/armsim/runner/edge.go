package runner

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// edge is what an environment's gateway does for one app. It is in a label of the
// app's containers, so that a gateway can be made anew from what there is.
type edge struct {
	App      string          `json:"app"`
	ID       string          `json:"id"`
	Port     int             `json:"port,omitempty"` // of the ingress
	External bool            `json:"external,omitempty"`
	Probe    *protocol.Probe `json:"probe,omitempty"` // nil: it counts as ready once it runs
}

// The check of an app that has an ingress and no probe, as Container Apps makes it:
// a connection to its port.
const (
	defaultPeriod   = 5 * time.Second
	defaultTimeout  = time.Second
	defaultFailures = 3
	defaultStart    = 240 * time.Second // Startup: each second, 240 times
	// A gateway's own limits.
	maxRetries = 100
	maxSeconds = 3600
	minSeconds = 0.01
)

// insidePort is where apps of an environment call each other: http://NAME.
const insidePort = 80

// replicas is the name of an app's own containers on the environment's network. The
// app's name is its ingress there, and so the gateway's.
func replicas(app string) string { return app + "--replicas" }

// edgeOf says what the gateway does for an app.
func edgeOf(spec run.Spec) (edge, error) {
	e := edge{App: spec.Name, ID: spec.ID}
	if spec.Ingress != nil {
		e.Port, e.External = spec.Ingress.Port, spec.Ingress.External
	}
	for _, p := range spec.Container.Probes {
		if len(p.Headers) > 0 {
			return edge{}, fmt.Errorf("the %s probe of %s has headers, which a simulated app's check does not send: remove them", p.Type, spec.Name)
		}
	}
	e.Probe = probeOf(spec.Name, spec.Container.Probes, e.Port)
	return e, nil
}

// probeOf is one check in place of an app's probes: it asks what the Readiness
// probe asks (else Liveness, else Startup), and gives the app the time to start
// that the Startup probe gives, else what the check itself comes to.
func probeOf(app string, probes []run.Probe, port int) *protocol.Probe {
	byType := map[string]run.Probe{}
	for _, p := range probes {
		byType[strings.ToLower(p.Type)] = p
	}
	p, ok := byType["readiness"]
	for _, other := range []string{"liveness", "startup"} {
		if !ok {
			p, ok = byType[other]
		}
	}
	start, hasStart := byType["startup"]
	if !ok {
		if port == 0 {
			return nil
		}
		p = run.Probe{Port: port}
		start, hasStart = run.Probe{Period: time.Second, FailureThreshold: int(defaultStart / time.Second)}, true
	}
	fill(&p, port)
	if !hasStart {
		start = p
	}
	fill(&start, port)
	out := &protocol.Probe{
		App: app, Host: replicas(app), Port: p.Port, Path: p.Path,
		Interval: bounded(p.Period), Timeout: bounded(p.Timeout), Retries: min(p.FailureThreshold, maxRetries),
		Grace: bounded(start.Delay + time.Duration(start.FailureThreshold)*start.Period),
	}
	return out
}

// fill puts the platform's values where a probe has none.
func fill(p *run.Probe, port int) {
	if p.Port == 0 {
		p.Port = port
	}
	if p.Period <= 0 {
		p.Period = defaultPeriod
	}
	if p.Timeout <= 0 {
		p.Timeout = defaultTimeout
	}
	if p.FailureThreshold <= 0 {
		p.FailureThreshold = defaultFailures
	}
}

func bounded(d time.Duration) float64 { return min(max(d.Seconds(), minSeconds), maxSeconds) }

// edges reads the labels of an environment's app containers, one an app, by name.
func edges(list []docker.Container) ([]edge, error) {
	var out []edge
	for _, c := range list {
		text, ok := c.Labels[labelEdge]
		if c.Labels[LabelKind] != kindApp || !ok {
			continue
		}
		var e edge
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return nil, fmt.Errorf("label %s of container %s cannot be read: %w; remove the container", labelEdge, c.Name, err)
		}
		if !slices.ContainsFunc(out, func(o edge) bool { return o.App == e.App }) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b edge) int { return strings.Compare(a.App, b.App) })
	return out, nil
}

// configure is the gateway's configuration for apps, and the port inside the
// gateway by the id of each that is let in to.
func configure(apps []edge) (protocol.Config, map[string]int) {
	cfg := protocol.Config{Ingress: protocol.Ingress{HostOnly: true}}
	inside := map[string]int{}
	for _, a := range apps {
		if a.Probe != nil {
			cfg.Health.Probes = append(cfg.Health.Probes, *a.Probe)
		}
		if a.Port == 0 {
			continue
		}
		cfg.Ingress.Inside.Listen = insidePort
		cfg.Ingress.Inside.Routes = append(cfg.Ingress.Inside.Routes, protocol.InsideRoute{
			App: a.App, Host: replicas(a.App), Port: a.Port,
		})
		if a.External {
			inside[a.ID] = gateway.FirstPort + len(inside)
			cfg.Ingress.Routes = append(cfg.Ingress.Routes, protocol.Route{
				App: a.App, Listen: inside[a.ID], Host: replicas(a.App), Port: a.Port,
			})
		}
	}
	return cfg, inside
}
