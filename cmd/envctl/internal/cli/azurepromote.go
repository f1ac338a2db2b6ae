package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

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
	a.target.Images.Given = promote.Images(ran)
	request := lifecycle.Request(r.Request)
	will, err := a.Plan(ctx, request)
	if err != nil {
		return out, err
	}
	difference := promote.Compare(ran, will)
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
	result.Command, out.Result = "promote", result
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

// inWords are changes as lines.
func inWords(changes []plan.Change) []string {
	var out []string
	for _, c := range changes {
		name := strings.TrimSpace(c.Kind + " " + c.Workload)
		for _, p := range c.Props {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s: %s → %s", name, p.Path, text0(p.Old), text0(p.New))))
		}
	}
	return out
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
	content, err := receipt.JSON()
	if err != nil {
		return err
	}
	beside := images.Receipt{Experiment: receipt.Experiment, Instance: receipt.Instance, At: now, Content: content}
	if out.Referrers, err = a.cloud.Receipts(ctx, receipt.Registry, will, beside); err != nil {
		out.Result.Warnings = append(out.Result.Warnings, fmt.Sprintf(
			"the receipt is in %s, and could not be left in the registry: %v", filepath.Base(out.Receipt), err))
	}
	return nil
}
