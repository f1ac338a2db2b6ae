package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/cloud"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/images"
	"github.com/envctl/envctl/stacks/lifecycle"
	"github.com/envctl/envctl/stacks/promote"
)

// Promote takes over what runs locally: it is refused where that is not well, or
// where more than addresses would differ.
func (a *azureServices) Promote(ctx context.Context, r PromoteRequest) (Promotion, error) {
	out := Promotion{Result: a.NewResult("promote", r.Ref)}
	here := r.Ref
	here.Target = targetLocal
	source, err := a.locally(ctx, here)
	if err != nil {
		return out, err
	}
	ran, err := promote.Check(r.Definition, here, source)
	if err != nil {
		return refused(out, err)
	}
	if a.target.Images.Given, err = promote.Images(ran, func(workload, id string) (plan.Image, error) {
		return a.publish(ctx, here, workload, id)
	}); err != nil {
		return out, err
	}
	request := lifecycle.Request(r.Request)
	will, err := a.Plan(ctx, request)
	if err != nil {
		return out, err
	}
	difference := promote.Compare(ran, will, a.target.Images.Given)
	out.Images, out.Differences = difference.Same, inWords(difference.Addresses)
	if err := difference.Err(here); err != nil {
		return refused(out, err)
	}
	if r.Confirm != nil {
		if err := r.Confirm(out); err != nil {
			return out, err
		}
	}
	result, err := a.Service.Up(ctx, request)
	result.Command = out.Result.Command
	out.Result = result
	if err != nil {
		return out, err
	}
	return out, a.receipt(ctx, &out, r, ran, will, source.Observed, difference)
}

// refused marks the result of what was not allowed.
func refused(out Promotion, err error) (Promotion, error) {
	if not := (*promote.RefusedError)(nil); errors.As(err, &not) {
		out.Result.Result = stacks.Refused
	}
	return out, err
}

// locally is what is known of the experiment on this machine. An engine that
// cannot be reached is an error: nobody could say how the apps are.
func (a *azureServices) locally(ctx context.Context, ref stacks.Ref) (promote.Source, error) {
	var s promote.Source
	var err error
	if s.Record, s.Known, err = a.own.Load(ref); err != nil || !s.Known {
		return s, err
	}
	last, err := s.Record.LastPlan()
	if err != nil || last == nil {
		return s, err
	}
	engine, err := docker.Connect(ctx, a.settings.Host, a.settings.Getenv)
	if err != nil {
		return s, err
	}
	s.Observed, err = (&local.Target{Engine: engine, Derived: a.own.Derived(), Registry: a.kept}).Observe(ctx, last)
	return s, err
}

// publish puts an image that only the engine has into the local registry.
func (a *azureServices) publish(ctx context.Context, ref stacks.Ref, workload, id string) (plan.Image, error) {
	engine, err := docker.Connect(ctx, a.settings.Host, a.settings.Getenv)
	if err != nil {
		return plan.Image{}, err
	}
	image, err := (&local.Target{Engine: engine, Derived: a.own.Derived(), Registry: a.kept}).Publish(ctx, ref, workload, id)
	return image, errors.Join(err, engine.Close())
}

// inWords are changes as lines, by the names that a user knows them by.
func inWords(changes []plan.Change) []string {
	var out []string
	for _, c := range changes {
		owner := strings.TrimSpace(c.Kind + " " + c.Workload)
		for _, p := range c.Props {
			if name, ok := userName(p.Path); ok {
				out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s: %s → %s", owner, name, text0(p.Old), text0(p.New))))
			}
		}
	}
	return out
}

// userName is what a property of a plan is called where a user meets it; false for
// the local engine's own bookkeeping of an image, such as which name it has there.
func userName(path string) (string, bool) {
	switch {
	case path == "image.ref":
		return "image", true
	case strings.HasPrefix(path, "image."):
		return "", false
	case strings.HasPrefix(path, "azure."):
		return "targets." + path, true
	}
	return path, true
}

// text0 writes a value; nothing is "none".
func text0(v any) string {
	if v == nil || v == "" {
		return "none"
	}
	return fmt.Sprint(v)
}

// receipt leaves the receipt in the state and beside every image.
func (a *azureServices) receipt(
	ctx context.Context, out *Promotion, r PromoteRequest, ran, will *plan.Plan, obs stacks.Observation, d promote.Difference,
) error {
	now := time.Now().UTC()
	receipt := promote.Receipt{
		Experiment: r.Ref.Experiment, Instance: r.Ref.Instance, Definition: definition.Hash(r.Definition), Plan: ran.Hash(),
		Images: d.Same, Health: promote.Healths(obs), Differences: d.Addresses, Who: a.cloud.Who(), When: now,
		Subscription: a.cloud.Client.Subscription(), ResourceGroup: a.target.ResourceGroup(will), Program: programVersion(),
		Simulated: a.settings.Simulate,
	}
	if out.Result.Changes != nil {
		receipt.Changes = *out.Result.Changes
	}
	if out.Result.Outputs != nil {
		receipt.Registry = out.Result.Outputs.Registry
	}
	var err error
	if out.Receipt, err = promote.Save(a.State.Path(), receipt); err != nil {
		return err
	}
	if err := promote.Owe(out.Receipt, promote.Due{Registry: receipt.Registry, Images: cloud.ImagesOf(will)}); err != nil {
		return err
	}
	var left []string
	out.Referrers, left = a.leaveReceipts(ctx, r.Ref)
	out.Result.Warnings = append(out.Result.Warnings, left...)
	return nil
}

// leaveReceipts leaves the receipts that are owed beside their images, those of
// earlier promotions too. It returns where they are, and in words which are still
// owed: the next promote or status tries those again.
func (a *azureServices) leaveReceipts(ctx context.Context, ref stacks.Ref) (referrers, owed []string) {
	dues, err := promote.Dues(a.State.Path(), ref.Experiment, ref.Instance)
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, d := range dues {
		at, err := a.cloud.Receipts(ctx, d.Registry, d.Images,
			images.Receipt{Experiment: ref.Experiment, Instance: ref.Instance, At: d.When, Content: d.Content})
		referrers = append(referrers, at...)
		if err == nil {
			err = d.Settled()
		}
		if err != nil {
			owed = append(owed, fmt.Sprintf("the receipt of the promotion of %s is in the state, and could not be left in the registry; "+
				"the next `envctl status -t azure` or `envctl promote` tries it again: %v", d.When.Format(time.RFC3339), err))
		}
	}
	return referrers, owed
}

// forgetDues forgets what is owed to images that are gone.
func (a *azureServices) forgetDues(ref stacks.Ref) error {
	dues, err := promote.Dues(a.State.Path(), ref.Experiment, ref.Instance)
	for _, d := range dues {
		err = errors.Join(err, d.Settled())
	}
	return err
}
