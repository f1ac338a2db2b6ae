package azure

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// looking is what is there of one plan.
type looking struct {
	target    *Target
	spec      plan.Spec
	names     names.Names
	group     string
	hash      func(workload string) string // of its part of the plan
	resources map[string]ask.Object        // by "type/name" in lower case; nil: the group is not there
	apps      map[string]running
	jobs      map[string]found
}

// running is one app with its latest revision, and that one's replicas where it is
// not well.
type running struct {
	found
	revision ask.Object
	replicas []ask.Object
}

// ask asks for everything, as much as possible side by side.
func (l *looking) ask(ctx context.Context) error {
	var apps []found
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.list(gctx) })
	group.Go(func() (err error) { apps, err = l.target.workloads(gctx, l.group, kindApps); return err })
	group.Go(func() error {
		jobs, err := l.target.workloads(gctx, l.group, kindJobs)
		l.jobs = map[string]found{}
		for _, j := range jobs {
			l.jobs[j.workload] = j
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	all := make([]running, len(apps))
	group, gctx = errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	for i, app := range apps {
		group.Go(func() (err error) { all[i], err = l.target.look(gctx, app); return err })
	}
	err := group.Wait()
	l.apps = map[string]running{}
	for _, app := range all {
		l.apps[app.workload] = app
	}
	return err
}

// list asks for all resources of the group.
func (l *looking) list(ctx context.Context) error {
	list, err := l.target.Client.List(ctx, l.group+"/resources", ask.Resources)
	if arm.IsNotFound(err) {
		return nil
	}
	l.resources = make(map[string]ask.Object, len(list))
	for _, r := range list {
		l.resources[strings.ToLower(ask.Text(r, "type")+"/"+ask.Text(r, "name"))] = r
	}
	return err
}

// look asks for the latest revision of an app, and for its replicas where the
// revision does not tell that all is well.
func (t *Target) look(ctx context.Context, app found) (running, error) {
	out := running{found: app}
	name := ask.Text(app.object, "properties", "latestRevisionName")
	if name == "" {
		return out, nil
	}
	path := ask.Below(app.path(kindApps), "revisions", name)
	var err error
	if out.revision, err = t.Client.Get(ctx, path, ask.Apps); err != nil {
		return out, ignoreMissing(err)
	}
	if well(out.revision) {
		return out, nil
	}
	out.replicas, err = t.replicas(ctx, path)
	return out, err
}

func (t *Target) replicas(ctx context.Context, revision string) ([]ask.Object, error) {
	list, err := t.Client.List(ctx, revision+"/replicas", ask.Apps)
	return list, ignoreMissing(err)
}

func ignoreMissing(err error) error {
	if arm.IsNotFound(err) {
		return nil
	}
	return err
}

// well says that a revision runs as it should.
func well(revision ask.Object) bool {
	state := ask.Text(revision, "properties", "runningState")
	return ask.Text(revision, "properties", "provisioningState") == "Provisioned" &&
		ask.Text(revision, "properties", "healthState") != "Unhealthy" &&
		(state == "" || strings.HasPrefix(state, "Running") || state == "Stopped" && idle(revision) || state == "Scaled to 0" || state == "ScaledToZero")
}

// idle says that a revision has no replica and may have none.
func idle(revision ask.Object) bool {
	least, told := ask.Number(revision, "properties", "template", "scale", "minReplicas")
	return ask.Whole(revision, "properties", "replicas") == 0 && (!told || least == 0)
}

// part is one resource that an experiment consists of.
type part struct{ kind, name, word string }

// expected are the resources of an experiment beside its apps and jobs.
func (l *looking) expected() []part {
	var out []part
	for _, w := range l.spec.Workloads {
		out = append(out, part{"Microsoft.ManagedIdentity/userAssignedIdentities", l.names.Identity(w.Name), "identity"})
	}
	if target.HasOutputs(l.spec) {
		out = append(out, part{"Microsoft.Storage/storageAccounts", l.names.Storage, "storage account"})
	}
	if l.spec.Platform == "" {
		out = append(out,
			part{"Microsoft.ContainerRegistry/registries", l.names.Registry, "registry"},
			part{"Microsoft.OperationalInsights/workspaces", l.names.Workspace, "workspace"},
			part{"Microsoft.App/managedEnvironments", l.names.Environment, "environment"})
		if len(l.spec.Models) > 0 {
			out = append(out, part{"Microsoft.CognitiveServices/accounts", l.names.Account, "account"})
		}
	}
	return out
}

// missing lists what is not there, or not as it was made.
func (l *looking) missing() []stacks.Drift {
	if l.resources == nil {
		return []stacks.Drift{{Resource: "resource group " + l.names.ResourceGroup, Want: "present", Got: "missing"}}
	}
	var out []stacks.Drift
	for _, p := range l.expected() {
		r, ok := l.resources[strings.ToLower(p.kind+"/"+p.name)]
		if !ok {
			out = append(out, stacks.Drift{Resource: p.word + " " + p.name, Want: "present", Got: "missing"})
			continue
		}
		if state := ask.Text(r, "provisioningState"); state == "Failed" || state == "Canceled" {
			out = append(out, stacks.Drift{Resource: p.word + " " + p.name, Path: "provisioningState", Want: "Succeeded", Got: state})
		}
	}
	slices.SortFunc(out, func(a, b stacks.Drift) int { return strings.Compare(a.Resource, b.Resource) })
	return out
}
