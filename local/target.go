// Package local is the Docker target: what a local sandbox needs beside what
// Pulumi makes. It settles images, says how containers are, waits for apps, runs
// jobs and sweeps up by label.
package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components"
	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
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
}

var _ stacks.Target = (*Target)(nil)

// Prepare implements [stacks.Target].
func (t *Target) Prepare(ctx context.Context, p stacks.Preparation) (map[string]plan.Image, error) {
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
		if ev.Total > 0 {
			out.Message = fmt.Sprintf("%s %d%%", ev.Detail, ev.Current*100/ev.Total)
		}
	}
	return out
}

// Component implements [stacks.Target].
func (t *Target) Component(ctx context.Context, p *plan.Plan, dryRun bool) (components.Target, error) {
	s := &target.Sandbox{Plan: p}
	if err := t.serveRegistry(ctx, s, dryRun); err != nil {
		return nil, err
	}
	if _, needed := gateway.ConfigFor(p.Spec()); !needed {
		return s, nil
	}
	info, err := t.Engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	s.InterfaceSysctls = info.InterfaceSysctls
	spec := p.Spec()
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

// gatewayImage makes sure that the engine has the gateway's image, which is
// carried by this program, and returns its name.
func (t *Target) gatewayImage(ctx context.Context, owner string, dryRun bool) (string, error) {
	version, err := t.Engine.Client().ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", fmt.Errorf("ask the engine for its architecture: %w", err)
	}
	ref, err := gateway.Ref(version.Arch, owner)
	if err != nil {
		return "", err
	}
	_, ok, err := t.Engine.ResolveImage(ctx, ref)
	if err != nil || ok || dryRun {
		return ref, err
	}
	archive, _, err := gateway.Image(version.Arch, owner)
	if err != nil {
		return "", err
	}
	_, err = t.Engine.LoadImage(ctx, archive)
	return ref, err
}

// DataTypes implements [stacks.Target]: volumes, and the images that were built
// or pulled.
func (*Target) DataTypes() []string {
	return []string{"docker:index/volume:Volume", "docker:index/image:Image", "docker:index/remoteImage:RemoteImage"}
}

// Sweep implements [stacks.Target]. The gateway's image is the same for every
// experiment and has none's labels, so it goes by the owner's name for it.
func (t *Target) Sweep(ctx context.Context, ref stacks.Ref, keepData bool) (int, error) {
	if !keepData && t.Registry != nil {
		err := t.Registry.Store.RemoveInstance(ctx, ref.Experiment, ref.Instance)
		if err = errors.Join(err, t.Registry.Clean(ctx)); err != nil {
			return 0, err
		}
	}
	removed, err := t.Engine.Sweep(ctx, target.Selector(ref.Experiment, ref.Instance), docker.SweepOptions{
		KeepImages: keepData, KeepVolumes: keepData,
	})
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
