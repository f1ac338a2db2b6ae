package runner

import (
	"context"
	"errors"
	"slices"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
)

// Remove implements [run.Runner]: the containers, the images that were loaded and
// the app's place at the gateway; of an environment everything that is on it.
func (r *Runner) Remove(ctx context.Context, id string) error {
	if isEnvironment(id) {
		return wrap("remove environment "+last(id), r.removeEnvironment(ctx, id))
	}
	return wrap("remove "+last(id), r.removeWorkload(ctx, id))
}

func (r *Runner) removeWorkload(ctx context.Context, id string) error {
	environments, err := r.environmentsOf(ctx, id)
	if err != nil {
		return err
	}
	for _, env := range environments {
		if err := r.removeFrom(ctx, env, id); err != nil {
			return err
		}
	}
	_, err = r.untag(ctx, r.repositoriesOf("", "", r.repositoryName(id)), nil)
	return err
}

// environmentsOf are those that have anything of a workload: its containers, or a
// gateway that still has a port for it.
func (r *Runner) environmentsOf(ctx context.Context, id string) ([]string, error) {
	list, err := r.find(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range list {
		if c.Labels[labelID] == id || portsOf(c)[id] != 0 {
			out = append(out, c.Labels[labelEnvironment])
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (r *Runner) removeFrom(ctx context.Context, environment, id string) error {
	unlock, err := r.lock(ctx, environment)
	if err != nil {
		return err
	}
	defer unlock()
	list, err := r.find(ctx, labelEnvironment, environment)
	if err != nil {
		return err
	}
	var owner map[string]string // of the gateway: of what stays
	for _, c := range list {
		if c.Labels[labelID] != id {
			if owner == nil || c.Labels[LabelKind] == kindGateway {
				owner = c.Labels
			}
			continue
		}
		if err := r.drop(ctx, c.ID); err != nil {
			return err
		}
	}
	_, err = r.reconcile(ctx, r.environment(environment, owner))
	return err
}

// removeEnvironment removes everything that is on an environment's network, and the
// network.
func (r *Runner) removeEnvironment(ctx context.Context, id string) error {
	unlock, err := r.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	list, err := r.find(ctx, labelEnvironment, id)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range list {
		errs = append(errs, r.drop(ctx, c.ID))
	}
	// The images carry labels of whoever built them, and stay for their own removal.
	_, err = r.engine.Sweep(ctx, r.mine(labelEnvironment, id), docker.SweepOptions{KeepImages: true})
	errs = append(errs, err)
	_, err = r.untag(ctx, gateway.Repository(r.gatewayOwner(r.environment(id, nil))), nil)
	return errors.Join(append(errs, err)...)
}
