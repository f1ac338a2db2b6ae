package fault

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// Random is a schedule of one to five failures, the same for the same seed. All
// are failures that end: whoever retries, or comes back, gets through.
func Random(seed int64) []Fault {
	r := rand.New(rand.NewPCG(uint64(seed), 0x617a757265)) //nolint:gosec // repeatable on purpose
	var out []Fault
	for range 1 + r.IntN(5) {
		f := kinds[r.IntN(len(kinds))]
		f.Op, f.Nth = ops[r.IntN(len(ops))], 1+r.IntN(6)
		if f.Async {
			f.Op, f.Type = "put", slow[r.IntN(len(slow))]
			f.Nth = 1 + r.IntN(2)
		} else if r.IntN(2) == 0 {
			f.Type = types[r.IntN(len(types))]
			f.Nth = 1 + r.IntN(2)
		}
		out = append(out, f)
	}
	return out
}

var ops = []string{"put", "put", "get", "poll", "delete", "list", "post"}

var types = []string{
	"Microsoft.Resources/resourceGroups", "Microsoft.ContainerRegistry/registries", "Microsoft.OperationalInsights/workspaces",
	"Microsoft.App/managedEnvironments", "Microsoft.App/containerApps", "Microsoft.App/jobs", "Microsoft.ManagedIdentity/userAssignedIdentities",
	"Microsoft.Authorization/roleAssignments", "Microsoft.CognitiveServices/accounts", "Microsoft.CognitiveServices/accounts/deployments",
	"Microsoft.Consumption/budgets", "Microsoft.Insights/actionGroups", "Microsoft.Network/virtualNetworks", "Microsoft.Network/networkSecurityGroups",
	"Microsoft.Storage/storageAccounts", "Microsoft.Storage/storageAccounts/fileServices/shares", "Microsoft.App/managedEnvironments/storages",
	"Microsoft.Network/azureFirewalls", "Microsoft.Network/publicIPAddresses", "Microsoft.Network/routeTables",
}

// slow are the types whose put is a long-running operation.
var slow = []string{
	"Microsoft.ContainerRegistry/registries", "Microsoft.OperationalInsights/workspaces", "Microsoft.App/managedEnvironments",
	"Microsoft.App/containerApps", "Microsoft.App/jobs", "Microsoft.CognitiveServices/accounts", "Microsoft.CognitiveServices/accounts/deployments",
	"Microsoft.Network/virtualNetworks", "Microsoft.Storage/storageAccounts", "Microsoft.Network/azureFirewalls", "Microsoft.Network/publicIPAddresses",
}

var soon = map[string]string{"Retry-After": "1", "Retry-After-Ms": "10"}

var kinds = []Fault{
	{Status: http.StatusTooManyRequests, Code: "SubscriptionRequestsThrottled", Message: "Number of requests for subscription exceeded the limit.", Headers: soon, Times: 2},
	{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: "Encountered an internal server error.", Headers: soon},
	{Status: http.StatusServiceUnavailable, Code: "ServerTimeout", Message: "The request timed out.", Headers: soon},
	{Status: http.StatusConflict, Code: "AnotherOperationInProgress", Message: "Another operation on this or dependent resource is in progress.", Headers: soon},
	{Wire: DropBefore}, {Wire: DropAfter}, {Wire: DropAfter}, {Wire: Cut}, {Wire: Empty}, {Wire: NotJSON},
	{Delay: 20 * time.Millisecond},
	{Async: true, Code: "InternalServerError", Message: "The operation failed. Please try again."},
	{Async: true, Code: "OperationExpired", Message: "Operation expired."},
}
