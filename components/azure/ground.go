package azure

import (
	"fmt"

	app "github.com/pulumi/pulumi-azure-native-sdk/app/v2/v20240301"
	operationalinsights "github.com/pulumi/pulumi-azure-native-sdk/operationalinsights/v2/v20230901"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// consumption is the name of the workload profile that is billed by use.
const consumption = "Consumption"

// minRetention is the least number of days that Log Analytics keeps logs.
const minRetention = 30

// ground makes what Container Apps run on: the environment in its network, with
// its logs.
func (e *environment) base(ctx *pulumi.Context) error {
	net, err := e.network(ctx)
	if err != nil {
		return fmt.Errorf("network: %w", err)
	}
	logs, err := e.logs(ctx)
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	args := &app.ManagedEnvironmentArgs{
		ResourceGroupName: e.group,
		EnvironmentName:   pulumi.String(e.stack.Names.Environment),
		Location:          pulumi.String(e.stack.Settings.Location),
		Tags:              e.tags("environment", ""),
		WorkloadProfiles: app.WorkloadProfileArray{app.WorkloadProfileArgs{
			Name: pulumi.String(consumption), WorkloadProfileType: pulumi.String(consumption),
		}},
		VnetConfiguration: app.VnetConfigurationArgs{
			InfrastructureSubnetId: net.subnet, Internal: pulumi.Bool(false),
		},
		AppLogsConfiguration: logs,
		ZoneRedundant:        pulumi.Bool(e.spec.Shared != nil && e.spec.Shared.ZoneRedundant),
	}
	environment, err := app.NewManagedEnvironment(ctx, "environment", args,
		pulumi.Parent(e.parent), pulumi.DependsOn(net.ready),
		// The network of an environment cannot change, which the schema does not say.
		pulumi.ReplaceOnChanges([]string{"vnetConfiguration"}), pulumi.DeleteBeforeReplace(true),
		pulumi.AdditionalSecretOutputs([]string{"appLogsConfiguration"}))
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	e.name, e.environmentID = environment.Name, environment.ID().ToStringOutput()
	return nil
}

// logs makes the workspace, and is how the environment writes to it.
func (e *environment) logs(ctx *pulumi.Context) (app.AppLogsConfigurationArgs, error) {
	days := minRetention
	if e.spec.Shared != nil {
		days = max(days, e.spec.Shared.LogRetention)
	}
	workspace, err := operationalinsights.NewWorkspace(ctx, "logs", &operationalinsights.WorkspaceArgs{
		ResourceGroupName: e.group,
		WorkspaceName:     pulumi.String(e.stack.Names.Workspace),
		Location:          pulumi.String(e.stack.Settings.Location),
		Tags:              e.tags("logs", ""),
		Sku:               operationalinsights.WorkspaceSkuArgs{Name: pulumi.String("PerGB2018")},
		RetentionInDays:   pulumi.Int(days),
	}, pulumi.Parent(e.parent))
	if err != nil {
		return app.AppLogsConfigurationArgs{}, err
	}
	// Only a workspace that is there has keys, so the question waits for its id.
	keys := operationalinsights.GetSharedKeysOutput(ctx, operationalinsights.GetSharedKeysOutputArgs{
		ResourceGroupName: e.group,
		WorkspaceName: pulumi.All(workspace.ID(), workspace.Name).ApplyT(func(v []any) string {
			return v[1].(string)
		}).(pulumi.StringOutput),
	}, pulumi.Parent(e.parent))
	return app.AppLogsConfigurationArgs{
		Destination: pulumi.String("log-analytics"),
		LogAnalyticsConfiguration: app.LogAnalyticsConfigurationArgs{
			CustomerId: workspace.CustomerId,
			SharedKey:  pulumi.ToSecret(keys.PrimarySharedKey()).(pulumi.StringPtrOutput),
		},
	}, nil
}
