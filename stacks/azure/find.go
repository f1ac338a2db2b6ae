package azure

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// maxAsked bounds questions to Azure under way at once.
const maxAsked = 8

// NoAppError says that an experiment has no app of a name on Azure.
type NoAppError struct {
	Ref stacks.Ref
	App string // empty: it has none at all
}

func (e *NoAppError) Error() string {
	if e.App == "" {
		return fmt.Sprintf("%s (instance %s) has no app on Azure", e.Ref.Experiment, e.Ref.Instance)
	}
	return fmt.Sprintf("%s (instance %s) has no app %q on Azure", e.Ref.Experiment, e.Ref.Instance, e.App)
}

// Hint says how to mend it.
func (*NoAppError) Hint() string {
	return "bring it up with `envctl up -t azure`, or see what is there with `envctl status -t azure`"
}

// owner is whom tags say that a resource belongs to.
func owner(tags map[string]string) (stacks.Ref, bool) {
	ref := stacks.Ref{Experiment: tags[target.TagExperiment], Instance: tags[target.TagInstance], Target: Name}
	return ref, ref.Experiment != "" && ref.Instance != ""
}

// groups lists the resource groups that carry our tags.
func (t *Target) groups(ctx context.Context) ([]ask.Object, error) {
	list, err := t.Client.List(ctx, ask.Subscription(t.Client.Subscription())+"/resourcegroups", ask.Resources)
	if err != nil {
		return nil, fmt.Errorf("list the resource groups: %w", err)
	}
	var out []ask.Object
	for _, g := range list {
		if _, ok := owner(ask.Tags(g)); ok {
			out = append(out, g)
		}
	}
	return out, nil
}

// groupsOf are those of one experiment's instance.
func (t *Target) groupsOf(ctx context.Context, ref stacks.Ref) ([]ask.Object, error) {
	all, err := t.groups(ctx)
	var out []ask.Object
	for _, g := range all {
		if of, _ := owner(ask.Tags(g)); of.Experiment == ref.Experiment && of.Instance == ref.Instance {
			out = append(out, g)
		}
	}
	return out, err
}

// found is one app or job as it is there.
type found struct {
	workload string // the name in the definition
	group    string // path of its resource group
	name     string // of the resource
	object   ask.Object
}

func (f found) path(kind string) string {
	return ask.Provider(f.group, "Microsoft.App", kind, f.name)
}

// The kinds of workload as Resource Manager calls them.
const (
	kindApps = "containerApps"
	kindJobs = "jobs"
)

// workloads lists the apps, or the jobs, of a resource group that are ours, and
// not the steward's. A group that is not there has none.
func (t *Target) workloads(ctx context.Context, group, kind string) ([]found, error) {
	list, err := t.Client.List(ctx, ask.Provider(group, "Microsoft.App", kind), ask.Apps)
	if arm.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the %s: %w", kind, err)
	}
	want := map[string]string{kindApps: "app", kindJobs: "job"}[kind]
	var out []found
	for _, o := range list {
		tags := ask.Tags(o)
		if tags[target.TagComponent] == "" || tags[target.TagKind] != "" && tags[target.TagKind] != want {
			continue
		}
		out = append(out, found{workload: tags[target.TagComponent], group: group, name: ask.Text(o, "name"), object: o})
	}
	return out, nil
}

// apps lists the apps of an experiment; one of a name where app is not empty.
func (t *Target) apps(ctx context.Context, ref stacks.Ref, app string) ([]found, error) {
	groups, err := t.groupsOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	lists := make([][]found, len(groups))
	group, gctx := errgroup.WithContext(ctx)
	for i, g := range groups {
		path := ask.Group(t.Client.Subscription(), ask.Text(g, "name"))
		group.Go(func() (err error) { lists[i], err = t.workloads(gctx, path, kindApps); return err })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []found
	for _, list := range lists {
		for _, f := range list {
			if app == "" || f.workload == app {
				out = append(out, f)
			}
		}
	}
	if len(out) == 0 {
		return nil, &NoAppError{Ref: ref, App: app}
	}
	return out, nil
}

// container is the container of a template that runs the workload: the one of its
// name, or the only one.
func container(template any, workload string) ask.Object {
	list := ask.Items(template, "containers")
	for _, c := range list {
		if strings.EqualFold(ask.Text(c, "name"), workload) {
			return c
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}
