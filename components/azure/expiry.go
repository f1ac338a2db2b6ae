package azure

import (
	"fmt"
	"time"

	app "github.com/pulumi/pulumi-azure-native-sdk/app/v2/v20240301"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/steward/duty"
	"github.com/envctl/envctl/components/plan"
)

// The least that Container Apps give.
const (
	stewardCPU    = 0.25
	stewardMemory = gib / 2
)

// expiry ends the experiment in Azure itself, with an identity that may delete
// this resource group and nothing else.
func (e *environment) expiry(ctx *pulumi.Context) error {
	if e.spec.Expires.IsZero() {
		return nil
	}
	role, err := e.customRole(ctx, duty.Expire, "Deletes the resource group of one envctl experiment that has expired.", []string{
		"Microsoft.Resources/subscriptions/resourceGroups/read",
		"Microsoft.Resources/subscriptions/resourceGroups/delete",
	})
	if err != nil {
		return fmt.Errorf("role of the steward that expires: %w", err)
	}
	return e.stewardJob(ctx, duty.Expire, role,
		variable{duty.EnvExpires, pulumi.String(e.spec.Expires.UTC().Format(time.RFC3339))})
}

// stewardJob runs a mode of the steward every quarter of an hour, as an identity
// of its own that has the role on the resource group.
func (e *environment) stewardJob(ctx *pulumi.Context, mode string, r role, more ...variable) error {
	name := e.stack.Names.Steward(mode)
	id, err := e.newIdentity(ctx, "steward-"+mode, name, duty.KindSteward)
	if err != nil {
		return err
	}
	if _, err := e.assign(ctx, id, "steward-"+mode, r, grant{e.stack.Names.ResourceGroup, e.groupID}); err != nil {
		return err
	}
	cloud := e.stack.Settings.Cloud
	env := list(append([]variable{
		{duty.EnvClient, id.ClientID},
		{duty.EnvGroup, e.groupID},
		{duty.EnvManager, pulumi.String(or(cloud.ResourceManager, "https://management.azure.com"))},
		{duty.EnvAudience, pulumi.String(or(cloud.Audience, "https://management.azure.com"))},
	}, more...)...)
	_, err = app.NewJob(ctx, "steward-"+mode, &app.JobArgs{
		ResourceGroupName:   e.group,
		JobName:             pulumi.String(name),
		Location:            pulumi.String(e.stack.Settings.Location),
		Tags:                e.tags(duty.KindSteward, mode),
		EnvironmentId:       e.environmentID,
		WorkloadProfileName: pulumi.String(consumption),
		Identity:            userAssigned(id),
		Configuration:       jobConfiguration(plan.Run{Schedule: everyQuarter, Timeout: stewardTimeout.Seconds()}, e.pullAs(id), nil),
		Template: app.JobTemplateArgs{Containers: app.ContainerArray{app.ContainerArgs{
			Name: pulumi.String(duty.KindSteward), Image: e.steward.Ref, Args: pulumi.ToStringArray([]string{mode}),
			Env: env, Resources: resourcesOf(stewardCPU, stewardMemory),
		}}},
	}, pulumi.Parent(e.parent), pulumi.DependsOn([]pulumi.Resource{id.pulls}))
	if err != nil {
		return fmt.Errorf("job %s: %w", name, err)
	}
	return nil
}

// stewardTimeout is beyond the steward's own deadline, which says what it waited for.
const stewardTimeout = 10 * time.Minute
