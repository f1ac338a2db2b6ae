package armsim

import (
	"net/http"
	"time"
)

// Row is one row of the faults that were seen on the real service. Set makes a
// simulator have it, with delay where the row is one of time; what a simulator
// always does needs nothing, so that Set leaves the options as they are.
type Row struct {
	Number int
	Title  string
	Source string // where it was reported or is documented
	Set    func(o *Options, delay time.Duration)
}

func always(*Options, time.Duration) {}

func with(faults ...Fault) func(*Options, time.Duration) {
	return func(o *Options, _ time.Duration) { o.Faults = append(o.Faults, faults...) }
}

const (
	typeAssignment  = "Microsoft.Authorization/roleAssignments"
	typeApp         = "Microsoft.App/containerApps"
	typeEnvironment = "Microsoft.App/managedEnvironments"
	typeRegistry    = "Microsoft.ContainerRegistry/registries"
	typeAccount     = "Microsoft.CognitiveServices/accounts"
	typeDeployment  = "Microsoft.CognitiveServices/accounts/deployments"
	typeBudget      = "Microsoft.Consumption/budgets"
)

// Rows are all of them, in order.
func Rows() []Row {
	return append(identityRows(), serviceRows()...)
}

func identityRows() []Row {
	return []Row{
		{1, "a new identity is unknown to role assignments", "learn.microsoft.com: RBAC troubleshooting; azure-search-openai-demo#9",
			func(o *Options, d time.Duration) { o.PrincipalDelay = d }},
		{2, "the assignment exists already: its answer was lost", "pulumi-azure-native#771, Enterprise-Scale#1747",
			with(Fault{Type: typeAssignment, Op: "put", Wire: "drop-after"})},
		{3, "a role assignment has no effect yet", "azure-container-apps#646, #836, #1061",
			func(o *Options, d time.Duration) { o.RoleDelay = d }},
		{4, "the image is missing", "call-center-voice-agent-accelerator#3",
			with(Fault{Type: typeApp, Op: "put", Async: true, Code: "ContainerAppOperationError", Message: "Failed to provision revision for container app. Error details: The following field(s) are either invalid or missing. Field 'template.containers.web.image' is invalid with details: 'Invalid value: \"web\": GET https:: MANIFEST_UNKNOWN: manifest tagged by \"web\" is not found; map[Tag:web]';."})},
		{5, "the registry's name is taken", "learn.microsoft.com: resource-name-rules; Azure-Landing-Zones#2453",
			with(Fault{Type: typeRegistry, Op: "put", Status: http.StatusConflict, Code: "AlreadyInUse", Message: "The registry DNS name is already in use. You can check if the name is already claimed using following API: https://docs.microsoft.com/rest/api/containerregistry/registries/checknameavailability"})},
		{6, "the account was soft-deleted", "azure-cli#18146; learn.microsoft.com: ai-services/manage-resources",
			with(Fault{Type: typeAccount, Op: "put", Status: http.StatusConflict, Code: "FlagMustBeSetForRestore", Message: "An existing resource has been soft-deleted. To restore the resource, you must specify 'restore' to be 'true' in the property. If you don't want to restore existing resource, please purge it first."})},
		{7, "the subdomain is in use", "azuresandbox#164, bicep#17663",
			with(Fault{Type: typeAccount, Op: "put", Status: http.StatusConflict, Code: "CustomDomainInUse", Message: "Please pick a different name. The subdomain name is not available as it's already used by a resource."})},
		{8, "the account is busy", "aspire#3409, terraform-provider-azurerm#22607",
			with(Fault{Type: typeDeployment, Op: "put", Times: 2, Status: http.StatusConflict, Code: "RequestConflict", Message: "Another operation is being performed on the parent resource. Please try again later."})},
		{9, "the quota is used up", "PubSec-Info-Assistant#880",
			with(Fault{Type: typeDeployment, Op: "put", Status: http.StatusBadRequest, Code: "InsufficientQuota", Message: "This operation require 10 new capacity in quota Tokens Per Minute (thousands), which is bigger than the current available capacity 0."})},
		{10, "the environment takes long and is busy meanwhile", "azure-container-apps#433, #868, #1208", func(o *Options, d time.Duration) {
			o.Delays = merged(o.Delays, typeEnvironment, d)
			o.Faults = append(o.Faults, Fault{Type: typeEnvironment, Op: "put", Status: http.StatusConflict, Code: "ManagedEnvironmentOperationInProgress", Message: "Cannot modify the environment because there is already an operation in progress."})
		}},
		{11, "the app is busy", "azure-container-apps#1731, #175", with(
			Fault{Type: typeApp, Op: "put", Status: http.StatusConflict, Code: "ContainerAppOperationInProgress", Message: "Cannot modify a container app because there is an active provisioning operation in progress."},
			Fault{Type: typeApp, Op: "put", Nth: 2, Status: http.StatusConflict, Code: "ContainerAppLockConflict", Message: "The container app is locked by another operation."})},
		{12, "a secret without its value is refused", "azure-container-apps#654, pulumi-azure-native#3198", always},
	}
}

func merged(in map[string]time.Duration, key string, d time.Duration) map[string]time.Duration {
	out := map[string]time.Duration{key: d}
	for k, v := range in {
		if k != key {
			out[k] = v
		}
	}
	return out
}

func serviceRows() []Row {
	return []Row{
		{13, "the rules of a budget's dates and contacts", "CanadaPubSecALZ#317, azure-quickstart-templates#7095", always},
		{14, "somebody else changed the budget", "azure-docs#34023",
			with(Fault{Type: typeBudget, Op: "put", Status: http.StatusBadRequest, Code: "400", Message: "There are changes made to Budget since it was last read. Please get the latest version of the budget and update again."})},
		{15, "a deleted workspace is recovered by a put", "learn.microsoft.com: rest/api/loganalytics/workspaces/delete", always},
		{16, "too many requests", "learn.microsoft.com: request-limits-and-throttling",
			with(Fault{Op: "put", Nth: 2, Times: 2, Status: http.StatusTooManyRequests, Code: "SubscriptionRequestsThrottled", Message: "Number of write requests for subscription exceeded the limit. Please try again after 1 seconds.",
				Headers: map[string]string{"Retry-After": "1", "Retry-After-Ms": "20", "x-ms-ratelimit-remaining-subscription-writes": "0"}})},
		{17, "the providers are not registered", "azcore: policy_register_rp.go", func(o *Options, _ time.Duration) {
			o.Unregistered = append(o.Unregistered, "Microsoft.App", "Microsoft.ContainerRegistry", "Microsoft.OperationalInsights", "Microsoft.ManagedIdentity",
				"Microsoft.CognitiveServices", "Microsoft.Consumption", "Microsoft.Insights", "Microsoft.Network")
		}},
		{18, "an identity answers 201 with a relative Location", "azure-sdk-for-go#21035", always},
		{19, "an operation fails and leaves the resource", "azure-container-apps#1061",
			with(Fault{Type: typeEnvironment, Op: "put", Async: true, Code: "ManagedEnvironmentProvisioningError", Message: "The environment could not be provisioned. Please try again."})},
		{20, "the answer to a put is lost", "pulumi-azure-native#1123",
			with(Fault{Type: typeRegistry, Op: "put", Wire: "drop-after"}, Fault{Type: typeApp, Op: "put", Wire: "drop-after"})},
		{21, "a model denies what was just permitted", "azure-docs#114370", func(o *Options, d time.Duration) {
			o.RoleDelay = d
			o.Faults = append(o.Faults, Fault{Type: typeDeployment, Op: "call", Times: 2, Status: http.StatusUnauthorized, Code: "PermissionDenied", Message: "The principal lacks the required data action to perform the operation."})
		}},
		{22, "usages cannot be read", "azure-docs#112686", func(o *Options, _ time.Duration) {
			o.Denied = append(o.Denied, "Microsoft.CognitiveServices/locations/usages/read")
		}},
		{23, "a removed group leaves soft-deleted accounts, and an assignment of nobody is removed by 204", "chat-with-your-data-solution-accelerator#1910", always},
	}
}
