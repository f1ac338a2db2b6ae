package runner

import (
	"context"
	"errors"
	"slices"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
)

// Leftovers lists what this simulator has of an experiment's instance, or with
// empty names of all. The images of gateways belong to no experiment.
func (r *Runner) Leftovers(ctx context.Context, experiment, instance string) (docker.Objects, error) {
	found, err := r.engine.Leftovers(ctx, r.instance(experiment, instance))
	if err != nil {
		return docker.Objects{}, err
	}
	if found.Images, err = r.tags(ctx, r.repositoriesOf(experiment, instance, "*")); err != nil || experiment != "" {
		return found, err
	}
	gateways, err := r.tags(ctx, gateway.Repository("azure."+r.scope+".*"))
	found.Images = append(found.Images, gateways...)
	return found, err
}

// Sweep removes everything that this simulator has of an experiment's instance,
// whether or not the simulator still knows of it, and returns how many objects there
// were. An environment with apps of other experiments stays.
func (r *Runner) Sweep(ctx context.Context, experiment, instance string) (int, error) {
	before, err := r.Leftovers(ctx, experiment, instance)
	if err != nil {
		return 0, err
	}
	ids, environments, err := r.belongings(ctx, experiment, instance)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, id := range ids {
		errs = append(errs, r.Remove(ctx, id))
	}
	for _, env := range environments {
		list, err := r.find(ctx, labelEnvironment, env)
		if err == nil && !slices.ContainsFunc(list, func(c docker.Container) bool { return c.Labels[labelID] != "" }) {
			err = r.Remove(ctx, env)
		}
		errs = append(errs, err)
	}
	_, err = r.untag(ctx, r.repositoriesOf(experiment, instance, "*"), nil)
	return before.Count(), errors.Join(append(errs, err)...)
}

// belongings are the ids of an instance's workloads and of the environments that
// were made for it, or of all.
func (r *Runner) belongings(ctx context.Context, experiment, instance string) (ids, environments []string, err error) {
	labels := r.instance(experiment, instance)
	containers, err := r.engine.Containers(ctx, docker.Filter{Labels: labels})
	if err != nil {
		return nil, nil, err
	}
	filters := client.Filters{}
	for name, value := range labels {
		filters.Add("label", name+"="+value)
	}
	networks, err := r.engine.Client().NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return nil, nil, wrap("list networks", err)
	}
	for _, c := range containers {
		if id := c.Labels[labelID]; id != "" {
			ids = append(ids, id)
		}
		environments = append(environments, c.Labels[labelEnvironment])
	}
	for _, n := range networks.Items {
		environments = append(environments, n.Labels[labelEnvironment])
	}
	slices.Sort(ids)
	slices.Sort(environments)
	return slices.Compact(ids), slices.Compact(environments), nil
}

// instance chooses the objects of an experiment's instance, or all.
func (r *Runner) instance(experiment, instance string) map[string]string {
	if experiment == "" {
		return r.mine()
	}
	return r.mine(LabelExperiment, experiment, LabelInstance, instance)
}
