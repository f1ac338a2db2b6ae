package preflight

import (
	"context"
	"fmt"
	"strings"

	"github.com/envctl/envctl/stacks/azure/ask"
)

// actions are what an experiment needs to be allowed.
func (s Subject) actions() []string {
	out := []string{
		"Microsoft.Resources/subscriptions/resourceGroups/write", "Microsoft.Resources/subscriptions/resourceGroups/delete",
		"Microsoft.App/containerApps/write", "Microsoft.App/jobs/write", "Microsoft.App/jobs/start/action",
		"Microsoft.ManagedIdentity/userAssignedIdentities/write", "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
		"Microsoft.Authorization/roleAssignments/write",
	}
	if s.OwnGround {
		out = append(out, "Microsoft.ContainerRegistry/registries/write", "Microsoft.ContainerRegistry/registries/push/write",
			"Microsoft.OperationalInsights/workspaces/write", "Microsoft.App/managedEnvironments/write",
			"Microsoft.Network/virtualNetworks/write")
	}
	if len(s.Models) > 0 {
		out = append(out, "Microsoft.CognitiveServices/accounts/write", "Microsoft.CognitiveServices/accounts/deployments/write",
			"Microsoft.CognitiveServices/locations/usages/read")
	}
	if s.Steward {
		out = append(out, "Microsoft.Authorization/roleDefinitions/write")
	}
	if s.Outputs {
		out = append(out, "Microsoft.Storage/storageAccounts/write", "Microsoft.Storage/storageAccounts/fileServices/shares/write",
			"Microsoft.Storage/storageAccounts/listKeys/action", "Microsoft.Storage/storageAccounts/listServiceSas/action",
			"Microsoft.App/managedEnvironments/storages/write")
	}
	if s.Budget {
		out = append(out, "Microsoft.Consumption/budgets/write")
	}
	return out
}

// permissions asks what the caller may do in the subscription. Rights on the
// resource group alone are not seen before the group is there.
func permissions(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	path := ask.Provider(ask.Subscription(s.Subscription), "Microsoft.Authorization", "permissions")
	list, err := m.List(ctx, path, ask.PermissionList)
	if err != nil {
		return unseen("permissions", err)
	}
	if len(list) == 0 {
		return []Check{{Name: "permissions", State: Skipped, Detail: "none are listed"}}, nil
	}
	var missing []string
	for _, action := range s.actions() {
		if !allowed(list, action) {
			missing = append(missing, action)
		}
	}
	if len(missing) == 0 {
		return []Check{{Name: "permissions", State: OK, Detail: "all that is needed"}}, nil
	}
	return []Check{{Name: "permissions", State: Failed,
		Detail: fmt.Sprintf("you may not do %s in subscription %s", strings.Join(missing, ", "), s.Subscription),
		Fix:    "ask its owner for Contributor with Role Based Access Control Administrator, or for Owner, on the subscription",
	}}, nil
}

// allowed says whether one of the roles has an action and does not take it away
// again: what one role leaves out another may give.
func allowed(roles []ask.Object, action string) bool {
	for _, role := range roles {
		if anyMatches(ask.Texts(role, "actions"), action) && !anyMatches(ask.Texts(role, "notActions"), action) {
			return true
		}
	}
	return false
}

func anyMatches(patterns []string, action string) bool {
	for _, pattern := range patterns {
		if matches(strings.ToLower(pattern), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

// matches compares an action with a pattern, in which * is any text.
func matches(pattern, action string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == action
	}
	if !strings.HasPrefix(action, head) {
		return false
	}
	action = action[len(head):]
	for i := 0; i <= len(action); i++ {
		if matches(rest, action[i:]) {
			return true
		}
	}
	return false
}
