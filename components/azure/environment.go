package azure

import (
	"fmt"

	resources "github.com/pulumi/pulumi-azure-native-sdk/resources/v2/v20220901"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/azure/native"
	"github.com/envctl/envctl/components/plan"
)

// environment is what the workloads stand on: the experiment's own, or a
// platform's. Each part is made beside the others; what waits for what follows
// from the outputs that are used.
type environment struct {
	stack  *Stack
	spec   plan.Spec
	parent pulumi.Resource

	group   pulumi.StringOutput // name of the resource group
	groupID pulumi.StringOutput

	registryID, loginServer   pulumi.StringOutput
	name, environmentID       pulumi.StringOutput
	accountID, endpoint       pulumi.StringOutput // of an account that is there
	outputs                   outputs             // where a job has some
	deployments               map[string]deployment
	steward                   *native.Image       // nil: not needed
	key                       pulumi.StringOutput // of the marks of secrets, where there are some
	registryScope, modelScope string              // stable names of what roles are given on
}

// deployment is one model as workloads reach it.
type deployment struct {
	name     string
	resource pulumi.Resource // nil: a platform's
}

// Name implements [components.Environment].
func (e *environment) Name() pulumi.StringOutput { return e.name }

// Registry implements [components.Environment].
func (e *environment) Registry() pulumi.StringOutput { return e.loginServer }

// Models implements [components.Environment]: the endpoint of each model.
func (e *environment) Models() pulumi.StringMap {
	out := pulumi.StringMap{}
	for name := range e.deployments {
		out[name] = e.endpoint
	}
	return out
}

// Environment implements [components.Target].
func (s *Stack) Environment(
	ctx *pulumi.Context, spec plan.Spec, parent pulumi.Resource,
) (components.Environment, error) {
	e := &environment{stack: s, spec: spec, parent: parent, deployments: map[string]deployment{}}
	if err := s.check(spec); err != nil {
		return nil, err
	}
	steps := []func(*pulumi.Context) error{e.salt, e.resourceGroup, e.registry, e.models, e.base, e.outputShare, e.stewardImage, e.budget, e.expiry}
	if s.Ground != nil {
		steps = []func(*pulumi.Context) error{e.salt, e.resourceGroup, e.platform, e.outputShare, e.stewardImage, e.budget, e.expiry}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// check holds what the caller promised to fill in.
func (s *Stack) check(spec plan.Spec) error {
	switch {
	case s.Settings.Subscription == "":
		return fmt.Errorf("no subscription: set targets.azure.subscription or ARM_SUBSCRIPTION_ID, or log in with az login")
	case s.Settings.Location == "":
		return fmt.Errorf("no region: set targets.azure.location, as swedencentral")
	case spec.Platform != "" && s.Ground == nil:
		return fmt.Errorf("platform %q is not known: bring it up with envctl platform up", spec.Platform)
	case spec.Budget != nil && s.Settings.BudgetStart.IsZero():
		return fmt.Errorf("the budget has no start: the first month of the experiment is needed")
	case NeedsSteward(spec) && s.Steward.Digest == "":
		return fmt.Errorf("the image of the steward is missing: it is needed for ttl, for onExceeded: stop and for models")
	}
	return nil
}

func (e *environment) resourceGroup(ctx *pulumi.Context) error {
	kind := "group"
	if e.spec.Kind == plan.Platform {
		kind = KindPlatform
	}
	tags := e.stack.Tags(e.spec, kind, "")
	if e.stack.Settings.Definition != "" {
		tags[TagDefinition] = e.stack.Settings.Definition
	}
	group, err := resources.NewResourceGroup(ctx, "group", &resources.ResourceGroupArgs{
		ResourceGroupName: pulumi.String(e.stack.Names.ResourceGroup),
		Location:          pulumi.String(e.stack.Settings.Location),
		Tags:              pulumi.ToStringMap(tags),
	}, pulumi.Parent(e.parent))
	if err != nil {
		return fmt.Errorf("resource group: %w", err)
	}
	e.group, e.groupID = group.Name, group.ID().ToStringOutput()
	return nil
}

// platform takes from the platform what the experiment does not make itself.
func (e *environment) platform(*pulumi.Context) error {
	g := e.stack.Ground
	e.registryID, e.loginServer = known(g.RegistryID), known(g.LoginServer)
	e.outputs.group = known(g.ResourceGroup)
	e.name, e.environmentID = known(g.Environment), known(g.EnvironmentID)
	e.accountID, e.endpoint = known(g.AccountID), known(g.Endpoint)
	e.registryScope, e.modelScope = g.RegistryID, g.AccountID
	for name, m := range g.Models {
		e.deployments[name] = deployment{name: m.Deployment}
	}
	return nil
}

func known(s string) pulumi.StringOutput { return pulumi.String(s).ToStringOutput() }

// Generated implements [components.Environment]: Azure keeps its own secrets.
func (e *environment) Generated() pulumi.StringMap { return nil }
