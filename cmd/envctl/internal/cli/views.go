package cli

import (
	"context"
	"slices"

	"github.com/envctl/envctl/stacks"
)

// newViews are those of the target that was chosen.
func newViews(ctx context.Context, s Settings) (Views, error) {
	if s.Target == targetAzure {
		return newAzureViews(ctx, s)
	}
	return newLocalViews(ctx, s)
}

// everywhere lists the experiments of every target that the state knows, or of the
// one that is asked for. What is recorded of another target a view takes for
// absent, so each target is asked for its own.
func (p *program) everywhere(ctx context.Context, only string) ([]stacks.Summary, error) {
	if only == "" && !p.flags.simulate {
		here, err := p.listOn(ctx, targetLocal)
		if err != nil || !slices.ContainsFunc(here, func(s stacks.Summary) bool { return s.Target == targetAzure }) {
			return here, err
		}
		there, err := p.listOn(ctx, targetAzure)
		all := slices.Concat(of(here, targetLocal), of(there, targetAzure))
		slices.SortStableFunc(all, stacks.Summary.Compare)
		return all, err
	}
	if only == "" || p.flags.simulate {
		only = targetAzure
	}
	all, err := p.listOn(ctx, only)
	return of(all, only), err
}

func (p *program) listOn(ctx context.Context, target string) ([]stacks.Summary, error) {
	views, err := p.env.Services.Views(ctx, p.settingsOn(target, nil))
	if err != nil {
		return nil, err
	}
	return views.List(ctx)
}

// of are the experiments on a target.
func of(all []stacks.Summary, target string) []stacks.Summary {
	var out []stacks.Summary
	for _, s := range all {
		if s.Target == target {
			out = append(out, s)
		}
	}
	return out
}
