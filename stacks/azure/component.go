package azure

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/components"
	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

// Component implements [stacks.Target]. Everything that Azure would refuse later
// is looked for first, and what an earlier try left in the way is removed.
func (t *Target) Component(ctx context.Context, p *plan.Plan, dryRun bool) (components.Target, error) {
	spec := p.Spec()
	settings, err := t.settings(spec)
	if err != nil {
		return nil, err
	}
	stack := &target.Stack{Plan: p, Names: t.names(spec), Settings: settings}
	if spec.Platform != "" {
		if stack.Ground, stack.Settings.Location, err = t.ground(ctx, spec); err != nil {
			return nil, err
		}
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return t.preflight(gctx, spec, stack.Settings.Location, stack.Ground, dryRun) })
	group.Go(func() (err error) { stack.Settings.BudgetStart, err = t.budgetStart(gctx, spec); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if stack.Images, err = t.sources(ctx, spec, dryRun); err != nil {
		return nil, err
	}
	if !dryRun { // a preview may know an image that does not exist yet
		if err := t.users(ctx, spec, stack.Images); err != nil {
			return nil, err
		}
	}
	if target.NeedsSteward(spec) {
		if stack.Steward, err = t.Images.Steward(ctx, !dryRun); err != nil {
			return nil, fmt.Errorf("the image of the steward, which ends the experiment in Azure: %w", err)
		}
	}
	return stack, nil
}

// settings are what a stack needs beside its plan.
func (t *Target) settings(spec plan.Spec) (target.Settings, error) {
	ref := refOf(spec)
	t.mu.Lock()
	known := t.prepared[ref]
	t.mu.Unlock()
	s := target.Settings{
		Subscription: t.Client.Subscription(), Owner: t.Owner, Definition: known.definition, Tags: t.Tags,
		Simulated: t.Client.Simulated(), BudgetStart: t.now(), Cloud: cloud(t.Client),
	}
	if s.Simulated {
		// Those of the simulator are other ones with every command, and what is
		// made of the same definition has to be the same.
		s.Cloud.ResourceManager, s.Cloud.LoginHosts = "", nil
	}
	if spec.Azure != nil {
		s.Location = spec.Azure.Location
	}
	if s.Subscription == "" {
		return s, errors.New("no subscription is chosen: set targets.azure.subscription or ARM_SUBSCRIPTION_ID, or run `az account set`")
	}
	return s, nil
}

// cloud are the addresses of the client's cloud.
func cloud(c Place) target.Cloud {
	of := c.Cloud()
	out := target.Cloud{
		ResourceManager: c.Endpoint(), Audience: strings.TrimSuffix(of.ManagementScope(), "/.default"),
		ModelAudience: strings.TrimSuffix(of.CognitiveScope(), "/.default"),
	}
	if u, err := url.Parse(of.Authority()); err == nil {
		out.LoginHosts = []string{u.Host}
	}
	if domain, ok := strings.CutPrefix(of.CognitiveSuffix, "cognitiveservices.azure."); ok {
		out.BlobSuffix = "blob.core." + map[string]string{"com": "windows.net", "us": "usgovcloudapi.net", "cn": "chinacloudapi.cn"}[domain]
	}
	return out
}

func refOf(spec plan.Spec) stacks.Ref {
	return stacks.Ref{Experiment: spec.Experiment, Instance: spec.Instance, Target: Name}
}

// preflight looks for what Azure would refuse. What of ours is in the way goes,
// unless nothing is to be changed.
func (t *Target) preflight(
	ctx context.Context, spec plan.Spec, location string, ground *target.Ground, dryRun bool,
) error {
	checks, err := t.check(ctx, spec, target.HasOutputs(spec), location, ground)
	if err != nil {
		return err
	}
	if err := preflight.Error(checks); err != nil {
		return err
	}
	if dryRun {
		return nil
	}
	for _, c := range checks {
		if c.Mine == nil {
			continue
		}
		if err := t.purge(ctx, *c.Mine); err != nil {
			return fmt.Errorf("purge the soft-deleted account %q, whose name is needed again: %w", c.Mine.Name, err)
		}
	}
	return nil
}

// check asks everything of [preflight]. outputs says that a job has some.
func (t *Target) check(
	ctx context.Context, spec plan.Spec, outputs bool, location string, ground *target.Ground,
) ([]preflight.Check, error) {
	subject := preflight.Subject{
		Subscription: t.Client.Subscription(), Location: location, Names: t.names(spec),
		Experiment: spec.Experiment, Instance: spec.Instance, Models: spec.Models,
		OwnGround: ground == nil, Steward: target.NeedsSteward(spec), Budget: spec.Budget != nil, Outputs: outputs,
	}
	if spec.Budget != nil {
		subject.Currency = spec.Budget.Currency
	}
	if ground != nil {
		subject.Models = nil // they are the platform's
	}
	return preflight.Run(ctx, t.Client, subject)
}

// budgetStart is when the budget began: one that exists never moves its start.
func (t *Target) budgetStart(ctx context.Context, spec plan.Spec) (time.Time, error) {
	if spec.Budget == nil {
		return t.now(), nil
	}
	path := ask.Provider(t.group(spec), "Microsoft.Consumption", "budgets", t.names(spec).Budget)
	found, err := t.Client.Get(ctx, path, ask.Budgets)
	switch {
	case arm.IsNotFound(err):
		return t.now(), nil
	case err != nil:
		return time.Time{}, fmt.Errorf("ask for the budget: %w", err)
	}
	if start := ask.Time(found, "properties", "timePeriod", "startDate"); !start.IsZero() {
		return start, nil
	}
	return t.now(), nil
}

// sources are where each image is copied from.
func (t *Target) sources(ctx context.Context, spec plan.Spec, dryRun bool) (map[string]target.ImageSource, error) {
	out := map[string]target.ImageSource{}
	address := ""
	for _, w := range spec.Workloads {
		image := target.ImageSource{Source: w.Image.Ref, Digest: w.Image.Digest, Repository: w.Image.Repository}
		if image.Repository == "" {
			image.Repository = spec.Experiment + "/" + w.Name
			out[w.Name] = image
			continue
		}
		if address == "" {
			var err error
			if address, err = t.Images.Address(ctx, !dryRun); err != nil { // a preview copies nothing
				return nil, fmt.Errorf("start the local registry, which the images are copied from: %w", err)
			}
		}
		image.Source = address + "/" + image.Repository + "@" + image.Digest
		out[w.Name] = image
	}
	return out, nil
}
