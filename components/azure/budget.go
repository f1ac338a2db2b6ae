package azure

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	costs "github.com/pulumi/pulumi-azure-native-sdk/consumption/v2/v20230501"
	insights "github.com/pulumi/pulumi-azure-native-sdk/insights/v2/v20230101"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/steward/duty"
)

// everyQuarter is how often the steward looks, as cron: every 15 minutes.
const everyQuarter = "*/15 * * * *"

// budget makes the budget of the resource group with all its alerts, and, where
// it is to stop the apps, what does so.
func (e *environment) budget(ctx *pulumi.Context) error {
	b := e.spec.Budget
	if b == nil {
		return nil
	}
	groups, err := e.actionGroup(ctx)
	if err != nil {
		return fmt.Errorf("action group: %w", err)
	}
	notifications := costs.NotificationMap{}
	for _, percent := range b.Alerts {
		n := costs.NotificationArgs{
			Enabled: pulumi.Bool(true), Operator: pulumi.String("GreaterThanOrEqualTo"),
			Threshold: pulumi.Float64(percent), ThresholdType: pulumi.String("Actual"),
			ContactEmails: pulumi.StringArray{}, // the action group has them
		}
		if groups != nil {
			n.ContactGroups = groups
		} else {
			n.ContactRoles = pulumi.StringArray{pulumi.String("Owner")} // Azure asks for someone to tell
		}
		notifications["actual-"+strconv.Itoa(percent)] = n
	}
	start := e.stack.Settings.BudgetStart.UTC()
	made, err := costs.NewBudget(ctx, "budget", &costs.BudgetArgs{
		BudgetName: pulumi.String(e.stack.Names.Budget),
		Scope:      e.groupID,
		Amount:     pulumi.Float64(b.Amount),
		Category:   pulumi.String("Cost"),
		TimeGrain:  pulumi.String("Monthly"),
		TimePeriod: costs.BudgetTimePeriodArgs{StartDate: pulumi.String(
			time.Date(start.Year(), start.Month(), 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339))},
		Notifications: notifications,
	}, pulumi.Parent(e.parent), pulumi.DeleteBeforeReplace(true),
		// Azure moves no budget's start, which the schema does not say.
		pulumi.ReplaceOnChanges([]string{"timePeriod.startDate"}))
	if err != nil {
		return fmt.Errorf("budget: %w", err)
	}
	if !b.Stop {
		return nil
	}
	return e.stopper(ctx, made)
}

// actionGroup tells the contacts; nil where there are none.
func (e *environment) actionGroup(ctx *pulumi.Context) (pulumi.StringArray, error) {
	var receivers insights.EmailReceiverArray
	contacts := slices.Clone(e.spec.Budget.Contacts)
	slices.Sort(contacts)
	for i, address := range contacts {
		receivers = append(receivers, insights.EmailReceiverArgs{
			Name: pulumi.String("contact-" + strconv.Itoa(i+1)), EmailAddress: pulumi.String(address),
			UseCommonAlertSchema: pulumi.Bool(true),
		})
	}
	if receivers == nil {
		return nil, nil
	}
	made, err := insights.NewActionGroup(ctx, "budget", &insights.ActionGroupArgs{
		ResourceGroupName: e.group,
		ActionGroupName:   pulumi.String(e.stack.Names.ActionGroup),
		GroupShortName:    pulumi.String("envctl"), // 12 characters at most, begins text messages
		Location:          pulumi.String("Global"), // else it would get the resource group's
		Enabled:           pulumi.Bool(true),
		EmailReceivers:    receivers,
		Tags:              e.tags("budget", ""),
	}, pulumi.Parent(e.parent))
	if err != nil {
		return nil, err
	}
	return pulumi.StringArray{made.ID().ToStringOutput()}, nil
}

// stopper stops the apps while the budget is used up. Azure counts costs some
// hours after they were made, so that long it may be late.
func (e *environment) stopper(ctx *pulumi.Context, budget *costs.Budget) error {
	role, err := e.customRole(ctx, duty.Stop, "Stops the apps of one envctl experiment whose budget is used up.", []string{
		"Microsoft.Consumption/budgets/read",
		"Microsoft.App/containerApps/read", "Microsoft.App/containerApps/stop/action",
		"Microsoft.App/jobs/read", "Microsoft.App/jobs/stop/action",
	})
	if err != nil {
		return fmt.Errorf("role of the steward that stops: %w", err)
	}
	return e.stewardJob(ctx, duty.Stop, role, variable{duty.EnvBudget, budget.ID().ToStringOutput()})
}
