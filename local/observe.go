package local

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/sandbox"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/images"
)

// maxInspect bounds questions to the engine under way at once.
const maxInspect = 8

// found is what the engine has of one expected container.
type found struct {
	component string
	want      sandbox.Profile
	image     string                     // digest or ID that has to run
	hash      string                     // of the workload's plan; empty: not compared
	got       *container.InspectResponse // nil: not there
	imageID   string
}

// Observe implements [stacks.Target]: every container and the network are
// compared with what the plan and the hardening profile say.
func (t *Target) Observe(ctx context.Context, p *plan.Plan) (stacks.Observation, error) {
	spec := p.Spec()
	isolated, err := t.choose(ctx, spec, false)
	if err != nil {
		return stacks.Observation{}, err
	}
	expected := expectedContainers(p, isolated.Runtime)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxInspect)
	known := images.Remember(t.Engine)
	for i := range expected {
		group.Go(func() error { return t.inspect(gctx, known, spec, &expected[i]) })
	}
	var ground *network.Inspect
	group.Go(func() (err error) { ground, err = t.ownNetwork(gctx, spec); return err })
	health := map[string]protocol.AppStatus{}
	group.Go(func() (err error) { health, err = t.health(gctx, p); return err })
	if err := group.Wait(); err != nil {
		return stacks.Observation{}, fmt.Errorf("looking at %s: %w", target.NetworkName(spec.Experiment, spec.Instance), err)
	}
	obs := stacks.Observation{Drift: networkDrift(ground)}
	hosts := target.Hosts(spec, rangeOf(ground))
	for _, f := range expected {
		if f.component != target.Gateway {
			f.want.Hosts = hosts
			obs.Apps = append(obs.Apps, f.status(health[f.component]))
		}
		obs.Drift = append(obs.Drift, f.drift()...)
	}
	addURLs(obs.Apps, expected, p)
	byName(obs.Apps)
	return obs, nil
}

// expectedContainers are those of the plan, the apps' under a runtime; "" is any
// that is known. The hosts that apps know are those of the network's range.
func expectedContainers(p *plan.Plan, runtime string) []found {
	spec := p.Spec()
	var out []found
	for _, w := range spec.Workloads {
		if w.Kind == plan.App {
			profile := target.Profile(spec, w, netip.Prefix{})
			profile.Runtime = runtime
			out = append(out, found{
				component: w.Name, image: w.Image.Ref, hash: p.WorkloadHash(w.Name), want: profile,
			})
		}
	}
	if profile, ok := target.GatewayProfile(spec, true); ok {
		out = append(out, found{component: target.Gateway, want: profile})
	}
	return out
}

func (t *Target) inspect(ctx context.Context, known images.Engine, spec plan.Spec, f *found) error {
	api := t.Engine.Client()
	name := target.ContainerName(spec.Experiment, spec.Instance, f.component)
	got, err := api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	f.got = &got.Container
	if f.component == target.Gateway && len(f.got.HostConfig.Sysctls) == len(gateway.Sysctls(false)) {
		f.want.Sysctls = gateway.Sysctls(false) // the engine takes no others
	}
	if strings.HasPrefix(f.image, "sha256:") || f.image == "" {
		f.imageID = f.image
		return nil
	}
	img, ok, err := known.ResolveImage(ctx, f.image)
	if ok {
		f.imageID = img.ID
	}
	return err
}

// drift lists how the container differs from its profile and its plan.
func (f *found) drift() []stacks.Drift {
	name := "container " + f.component
	if f.got == nil {
		return []stacks.Drift{{Resource: name, Want: "running", Got: "missing"}}
	}
	var out []stacks.Drift
	for _, d := range sandbox.Verify(*f.got, f.want) {
		out = append(out, stacks.Drift{Resource: name, Path: d.Path, Want: d.Want, Got: d.Got})
	}
	if f.imageID != "" && f.got.Image != f.imageID {
		out = append(out, stacks.Drift{Resource: name, Path: "Image", Want: f.imageID, Got: f.got.Image})
	}
	if hash := f.got.Config.Labels[target.LabelPlan]; f.hash != "" && hash != f.hash {
		out = append(out, stacks.Drift{Resource: name, Path: "Labels." + target.LabelPlan, Want: f.hash, Got: hash})
	}
	if s := f.got.State; s != nil && !s.Running {
		out = append(out, stacks.Drift{Resource: name, Path: "State", Want: "running", Got: string(s.Status)})
	}
	return out
}

// status says in words how an app is.
func (f *found) status(h protocol.AppStatus) stacks.AppStatus {
	out := stacks.AppStatus{Name: f.component, Image: f.image, State: stacks.AppMissing, Reason: "its container does not exist"}
	if f.got == nil || f.got.State == nil {
		return out
	}
	out.Isolation = isolation.Of(f.got.HostConfig.Runtime)
	s := f.got.State
	started, _ := time.Parse(time.RFC3339Nano, s.StartedAt)
	out.State, out.Reason, out.Since = stacks.AppRunning, "", started
	switch {
	case s.Restarting:
		out.State, out.Reason = stacks.AppRestarting, exitReason(s)
	case s.Paused:
		out.State, out.Reason = stacks.AppExited, "its container is paused"
	case !s.Running:
		out.State, out.Reason, out.ExitCode = stacks.AppExited, exitReason(s), &s.ExitCode
		out.Since, _ = time.Parse(time.RFC3339Nano, s.FinishedAt)
	case f.got.RestartCount > 0 && h.State != protocol.StateHealthy && h.State != "":
		// Between two ends it runs, and the engine tells no exit status.
		out.State, out.Reason = stacks.AppRestarting, fmt.Sprintf("it ended and was started again %d times", f.got.RestartCount)
	case h.State == protocol.StateUnhealthy || h.State == protocol.StateNeverUp:
		out.State, out.Reason, out.Since = stacks.AppUnhealthy, h.Reason, h.Since
	case h.State == protocol.StateStarting:
		out.State, out.Reason = stacks.AppStarting, h.Reason
	}
	return out
}

func exitReason(s *container.State) string {
	switch {
	case s.OOMKilled:
		return fmt.Sprintf("out of memory (exit status %d)", s.ExitCode)
	case s.Error != "":
		return fmt.Sprintf("exit status %d: %s", s.ExitCode, s.Error)
	case s.ExitCode > 128:
		return fmt.Sprintf("killed by signal %d (exit status %d)", s.ExitCode-128, s.ExitCode)
	}
	return fmt.Sprintf("exit status %d", s.ExitCode)
}

func networkDrift(n *network.Inspect) (out []stacks.Drift) {
	if n == nil {
		return []stacks.Drift{{Resource: "network", Want: "present", Got: "missing"}}
	}
	for _, d := range sandbox.VerifyNetwork(*n, sandbox.InternalNetwork()) {
		out = append(out, stacks.Drift{Resource: "network", Path: d.Path, Want: d.Want, Got: d.Got})
	}
	return out
}

// addURLs says where public apps answer, from the ports the gateway has now.
func addURLs(apps []stacks.AppStatus, expected []found, p *plan.Plan) {
	routes := target.Routes(p.Spec())
	for _, f := range expected {
		if f.component != target.Gateway || f.got == nil || f.got.NetworkSettings == nil {
			continue
		}
		for i := range apps {
			apps[i].URL = publishedURL(f.got, routes[apps[i].Name])
		}
	}
}

func publishedURL(c *container.InspectResponse, port int) string {
	for inside, bindings := range c.NetworkSettings.Ports {
		if int(inside.Num()) != port {
			continue
		}
		for _, b := range bindings {
			return "http://127.0.0.1:" + b.HostPort
		}
	}
	return ""
}

// health asks the gateway's log for the latest state of each app. Without a
// gateway, or when it does not run, nothing is known.
func (t *Target) health(ctx context.Context, p *plan.Plan) (map[string]protocol.AppStatus, error) {
	spec := p.Spec()
	out := map[string]protocol.AppStatus{}
	if _, needed := target.GatewayProfile(spec, true); !needed {
		return out, nil
	}
	source := gatewayLog{engine: t.Engine, container: target.ContainerName(spec.Experiment, spec.Instance, target.Gateway)}
	err := source.events(ctx, func(e protocol.Event) {
		if e.Event == protocol.EventHealth {
			out[e.App] = protocol.AppStatus{App: e.App, State: e.State, Reason: e.Reason, Since: e.Time}
		}
	})
	if cerrdefs.IsNotFound(err) || errors.Is(err, context.Canceled) {
		return out, nil
	}
	return out, err
}
