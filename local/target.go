// Package local is the Docker target: what a local sandbox needs beside what
// Pulumi makes. It settles images, says how containers are, waits for apps, runs
// jobs and sweeps up by label.
package local

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/docker/provider"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/install"
	"github.com/envctl/envctl/local/registry"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/images"
)

// Target implements [stacks.Target] on one Docker Engine.
type Target struct {
	Engine *docker.Engine
	// Derived is a folder for generated build contexts.
	Derived string
	// Registry keeps the images that were built; nil: only the engine has them.
	Registry *registry.Service
	// Models answers for the models of instances; nil: nothing does.
	Models Models
	// Ahead makes an experiment's network while the Pulumi engine starts; nil: that
	// engine has it made.
	Ahead *provider.Ahead

	// made is what Component returned last; its range can turn out to be taken.
	made *target.Sandbox
	// prepared is the definition that Prepare settled last: what answers for its models
	// comes with its gateway.
	prepared *definition.Definition
}

var (
	_ stacks.Target   = (*Target)(nil)
	_ stacks.Beginner = (*Target)(nil)
	_ stacks.Repeater = (*Target)(nil)
)

// Models is what answers for the models of instances, outside of their sandboxes.
type Models interface {
	// Ensure makes an instance's models answer as the definition says, by the gateway
	// in the container of that name.
	Ensure(ctx context.Context, ref stacks.Ref, def *definition.Definition, gateway string) error
	// End ends that; what was never begun is no error.
	End(ctx context.Context, ref stacks.Ref) error
}

// Prepare implements [stacks.Target].
func (t *Target) Prepare(ctx context.Context, p stacks.Preparation) (map[string]plan.Image, error) {
	if err := t.checkIsolation(ctx, p.Definition); err != nil {
		return nil, err // before anything is built for it
	}
	t.prepared = p.Definition
	path := filepath.Join(p.Definition.Dir, images.LockFile)
	lock, err := images.LoadLock(path)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	r := &images.Resolver{
		Engine: images.Remember(t.Engine), Owner: target.Owner(p.Ref.Experiment, p.Ref.Instance),
		Labels: target.Selector(p.Ref.Experiment, p.Ref.Instance),
		Lock:   lock, Pulled: p.Pulled, Derived: t.Derived, DryRun: p.DryRun,
		OnEvent: func(workload string, ev docker.BuildEvent) {
			p.OnEvent(buildEvent(workload, ev))
		},
	}
	if t.Registry != nil {
		r.Restore = func(ctx context.Context, workload, source, tag string) (docker.Image, bool, error) {
			return t.restore(ctx, p.Ref, workload, source, tag)
		}
	}
	onEvent := p.OnEvent
	p.OnEvent = func(ev stacks.Event) {
		mu.Lock()
		defer mu.Unlock()
		onEvent(ev)
	}
	out, err := r.Resolve(ctx, p.Definition)
	if err == nil && t.Registry != nil {
		err = t.publish(ctx, p, out)
	}
	if err != nil || p.DryRun {
		return out, err
	}
	return out, lock.Save()
}

// buildEvent is a step of a build as progress of the workload's image.
func buildEvent(workload string, ev docker.BuildEvent) stacks.Event {
	out := stacks.Event{
		Type: stacks.EventLog, Phase: "build", Resource: workload, Kind: "image", Severity: "info",
		Message: ev.Step, Seconds: ev.Seconds,
	}
	switch ev.State {
	case docker.StepLog:
		out.Message = ev.Log
	case docker.StepDone:
		out.State = stacks.StateDone
		if ev.Cached {
			out.Message += " (cached)"
		}
	case docker.StepFailed:
		out.State, out.Severity, out.Message = stacks.StateFailed, "error", ev.Step+": "+ev.Error
	case docker.StepProgress:
		out.State = stacks.StateRunning
		if ev.Total > 0 {
			out.Message = fmt.Sprintf("%s %d%%", ev.Detail, ev.Current*100/ev.Total)
		}
	}
	return out
}

// Component implements [stacks.Target].
func (t *Target) Component(ctx context.Context, p *plan.Plan, dryRun bool) (components.Target, error) {
	s := &target.Sandbox{Plan: p}
	var err error
	if s.Subnet, err = t.subnet(ctx, p.Spec(), netip.Prefix{}); err != nil {
		return nil, err
	}
	t.made = s
	if err := t.serveRegistry(ctx, s, dryRun); err != nil {
		return nil, err
	}
	spec := p.Spec()
	_, needed := gateway.ConfigFor(spec)
	if !needed && spec.Isolation == "" {
		return s, nil
	}
	info, err := t.Engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	if err := setRuntimes(s, info); err != nil || !needed {
		return s, err
	}
	s.InterfaceSysctls = info.InterfaceSysctls
	if err := t.serveModels(ctx, spec, dryRun); err != nil {
		return nil, err
	}
	s.GatewayRef, err = t.gatewayImage(ctx, target.Owner(spec.Experiment, spec.Instance), dryRun)
	return s, err
}

// serveRegistry tells the parts where the registry answers that keeps their images,
// and starts it. A preview takes its word for where it was.
func (t *Target) serveRegistry(ctx context.Context, s *target.Sandbox, dryRun bool) (err error) {
	for _, w := range s.Plan.Spec().Workloads {
		if w.Image.Repository == "" || t.Registry == nil {
			continue
		}
		if dryRun {
			s.Registry, _ = t.Registry.Address()
			return nil
		}
		s.Registry, err = t.Registry.Ensure(ctx)
		return err
	}
	return nil
}

// serveModels starts what answers for the models, so that it is there as soon as the
// gateway is. It asks for the models of no other definition than the plan's.
func (t *Target) serveModels(ctx context.Context, spec plan.Spec, dryRun bool) error {
	if dryRun || t.Models == nil || t.prepared == nil || !gateway.HasIdentity(spec) {
		return nil
	}
	ref := stacks.Ref{Experiment: spec.Experiment, Instance: spec.Instance, Target: target.Target}
	return t.AnswerModels(ctx, ref, t.prepared)
}

// AnswerModels makes sure that something answers for the models of an instance.
func (t *Target) AnswerModels(ctx context.Context, ref stacks.Ref, def *definition.Definition) error {
	return t.Models.Ensure(ctx, ref, def, target.ContainerName(ref.Experiment, ref.Instance, target.Gateway))
}

// gatewayImage makes sure that the engine has the gateway's image, which is
// carried by this program, and returns its name.
func (t *Target) gatewayImage(ctx context.Context, owner string, dryRun bool) (string, error) {
	arch, err := t.Engine.Arch(ctx)
	if err != nil {
		return "", err
	}
	if dryRun {
		return gateway.Ref(arch, owner)
	}
	return install.Image(ctx, t.Engine, arch, owner)
}

// DataTypes implements [stacks.Target]: volumes, and the images that were built
// or pulled.
func (*Target) DataTypes() []string {
	return []string{"docker:index/volume:Volume", "docker:index/image:Image", "docker:index/remoteImage:RemoteImage"}
}

// Sweep implements [stacks.Target]. The gateway's image has no label that a sweep goes
// by, so it goes by the owner's name for it.
func (t *Target) Sweep(ctx context.Context, ref stacks.Ref, keepData bool) (int, error) {
	if !keepData && t.Registry != nil {
		err := t.Registry.Store.RemoveInstance(ctx, ref.Experiment, ref.Instance)
		if err = errors.Join(err, t.Registry.Clean(ctx)); err != nil {
			return 0, err
		}
	}
	if t.Models != nil {
		if err := t.Models.End(ctx, ref); err != nil {
			return 0, err
		}
	}
	removed, err := t.Engine.Sweep(ctx, target.Selector(ref.Experiment, ref.Instance), docker.SweepOptions{
		KeepImages: keepData, KeepVolumes: keepData,
	})
	if err == nil && keepData {
		err = t.unmark(ctx, ref, time.Time{}) // data that is kept does not expire
	}
	if err != nil || keepData {
		return removed.Count(), err
	}
	owner := target.Owner(ref.Experiment, ref.Instance)
	untagged, err := t.Engine.Untag(ctx, gateway.Repository(owner), images.HeldRepository(owner))
	return removed.Count() + untagged, err
}

// byName sorts statuses as a reader expects them.
func byName(apps []stacks.AppStatus) {
	slices.SortFunc(apps, func(a, b stacks.AppStatus) int { return strings.Compare(a.Name, b.Name) })
}
