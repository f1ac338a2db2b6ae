package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
	"github.com/envctl/envctl/stacks/lifecycle"
)

// Expire also removes what `up --build` built here, as Down does.
func (a *azureServices) Expire(ctx context.Context, r Request) (stacks.Result, error) {
	result, err := a.Service.Expire(ctx, lifecycle.Request(r))
	if err == nil && result.Result == stacks.Destroyed {
		err = a.removeBuilt(ctx, r.Ref)
	}
	return result, err
}

// Extend moves the tag of the resource group. What in Azure itself goes by it was
// made by the last up, so it does not hear of everything.
func (a *azureServices) Extend(ctx context.Context, ref stacks.Ref, to expiry.Move) (stacks.Result, error) {
	before, _, err := a.State.Load(ref)
	if err != nil {
		return a.NewResult("extend", ref), err
	}
	result, err := a.Service.Extend(ctx, ref, to)
	last, planErr := before.LastPlan()
	if err = errors.Join(err, planErr); err != nil || last == nil {
		return result, err
	}
	switch made := last.Spec().Expires; {
	case made.IsZero():
		result.Warnings = append(result.Warnings, "it was made without a time to live, so nothing in Azure ends it: `envctl gc` does, or the next up sets up what does")
	case result.Expires.Before(made):
		result.Warnings = append(result.Warnings, fmt.Sprintf("what ends it in Azure waits until %s: `envctl gc` ends it sooner, or the next up moves that too", stamp(made)))
	}
	return result, nil
}

// Orphans are none: nothing there belongs to a process.
func (*azureServices) Orphans(context.Context) ([]Leftover, error) { return nil, nil }
