package azure

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

// NoPlatformError is a platform that is not there, or not ready.
type NoPlatformError struct {
	Platform, Problem string
	Others            []string // that are there
}

func (e *NoPlatformError) Error() string {
	return fmt.Sprintf("platform %q %s", e.Platform, e.Problem)
}

// Path is the place in the definition.
func (*NoPlatformError) Path() string { return "platform" }

// Hint says how to mend it.
func (e *NoPlatformError) Hint() string {
	if len(e.Others) > 0 {
		return "bring it up with `envctl platform up`, or name one that is there: " + strings.Join(e.Others, ", ")
	}
	return "bring it up with `envctl platform up`"
}

// platform says whether a resource group is a platform's.
func platform(group ask.Object) bool { return ask.Tags(group)[target.TagKind] == target.KindPlatform }

// ground finds what a plan's platform shares, by tags, and the region that it is
// in. The platform's own instance comes first that has the experiment's name.
func (t *Target) ground(ctx context.Context, spec plan.Spec) (*target.Ground, string, error) {
	groups, err := t.groups(ctx)
	if err != nil {
		return nil, "", err
	}
	var chosen ask.Object
	var others []string
	for _, g := range groups {
		if !platform(g) {
			continue
		}
		of, _ := owner(ask.Tags(g))
		if of.Experiment != spec.Platform {
			others = append(others, of.Experiment)
			continue
		}
		if chosen == nil || of.Instance == spec.Instance {
			chosen = g
		}
	}
	if chosen == nil {
		return nil, "", &NoPlatformError{spec.Platform, "is not in the subscription", others}
	}
	ground, err := t.Ground(ctx, ask.Text(chosen, "name"), spec.Platform)
	if err != nil {
		return nil, "", err
	}
	return ground, preflight.Region(ask.Text(chosen, "location")), ground.Fit(spec)
}

// Ground reads what the platform in a resource group shares from what is deployed.
func (t *Target) Ground(ctx context.Context, group, name string) (*target.Ground, error) {
	path := ask.Group(t.Client.Subscription(), group)
	out := &target.Ground{ResourceGroup: group, Models: map[string]target.SharedModel{}}
	var account ask.Object
	group3, gctx := errgroup.WithContext(ctx)
	one := func(namespace, kind, version string, take func(ask.Object)) {
		group3.Go(func() error {
			list, err := t.Client.List(gctx, ask.Provider(path, namespace, kind), version)
			if err != nil {
				return ignoreMissing(err)
			}
			for _, o := range list {
				if state := ask.Text(o, "properties", "provisioningState"); state == "" || state == "Succeeded" {
					take(o)
					return nil
				}
			}
			return nil
		})
	}
	one("Microsoft.ContainerRegistry", "registries", ask.Registries, func(o ask.Object) {
		out.RegistryID, out.LoginServer = ask.Text(o, "id"), ask.Text(o, "properties", "loginServer")
	})
	one("Microsoft.App", "managedEnvironments", ask.Apps, func(o ask.Object) {
		out.EnvironmentID, out.Environment = ask.Text(o, "id"), ask.Text(o, "name")
	})
	one("Microsoft.CognitiveServices", "accounts", ask.Accounts, func(o ask.Object) { account = o })
	if err := group3.Wait(); err != nil {
		return nil, fmt.Errorf("platform %q: %w", name, err)
	}
	switch {
	case out.RegistryID == "":
		return nil, &NoPlatformError{name, "has no registry that is ready", nil}
	case out.EnvironmentID == "":
		return nil, &NoPlatformError{name, "has no environment that is ready", nil}
	case account == nil:
		return out, nil
	}
	out.AccountID, out.Endpoint = ask.Text(account, "id"), endpoint(account)
	deployments, err := t.Client.List(ctx, out.AccountID+"/deployments", ask.Accounts)
	if err != nil {
		return nil, fmt.Errorf("platform %q: list its models: %w", name, err)
	}
	for _, d := range deployments {
		deployed := ask.Text(d, "name")
		out.Models[strings.TrimPrefix(deployed, "m.")] = target.SharedModel{ // names.Deployment
			Deployment: deployed, Model: ask.Text(d, "properties", "model", "name"), Version: ask.Text(d, "properties", "model", "version"),
		}
	}
	return out, nil
}

// endpoint is where models of an account answer, with a slash at its end.
func endpoint(account ask.Object) string {
	at := ask.Text(account, "properties", "endpoints", "OpenAI Language Model Instance API")
	if at == "" {
		at = ask.Text(account, "properties", "endpoint")
	}
	return strings.TrimSuffix(at, "/") + "/"
}
