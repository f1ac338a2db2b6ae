package azure

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/native"
)

// accountKind takes the models of every publisher that Azure sells itself.
const accountKind = "AIServices"

// models makes the account with one deployment a model. Azure refuses a second
// operation on an account while one goes on, so they wait for each other.
func (e *environment) models(ctx *pulumi.Context) error {
	if len(e.spec.Models) == 0 {
		return nil
	}
	account, err := native.NewAccount(ctx, "models", native.AccountArgs{
		Group: e.in("models", ""), Name: e.stack.Names.Account, Subdomain: e.stack.Names.Subdomain,
		Kind: accountKind, SKU: "S0",
	}, pulumi.Parent(e.parent))
	if err != nil {
		return fmt.Errorf("models: %w", err)
	}
	e.accountID, e.endpoint, e.modelScope = account.ID().ToStringOutput(), account.Endpoint(), e.stack.Names.Account
	var before []pulumi.Resource
	for _, m := range e.spec.Models {
		name := e.stack.Names.Deployment(m.Name)
		made, err := native.NewDeployment(ctx, "model-"+m.Name, native.DeploymentArgs{
			ResourceGroupName: e.group, AccountName: account.Name, Name: name,
			Model: m.Model, Version: m.Version, SKU: m.SKU, Capacity: m.Capacity, Tags: e.tags("model", m.Name),
		}, pulumi.Parent(e.parent), pulumi.DependsOn(before))
		if err != nil {
			return fmt.Errorf("model %q: %w", m.Name, err)
		}
		e.deployments[m.Name] = deployment{name: name, resource: made}
		before = []pulumi.Resource{made}
	}
	return nil
}

// uses are the deployments of a workload, in the order of its models.
func (e *environment) uses(models []string) ([]deployment, error) {
	var out []deployment
	for _, name := range models {
		d, ok := e.deployments[name]
		if !ok {
			return nil, fmt.Errorf("model %q is not on platform %q: add it to the platform's definition", name, e.spec.Platform)
		}
		out = append(out, d)
	}
	return out, nil
}
