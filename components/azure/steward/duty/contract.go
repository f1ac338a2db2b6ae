// Package duty is what the steward does inside a Container Apps environment: end
// an experiment that has expired, stop the apps of one that is over budget, and
// hold an app back until its models answer. Everything is tried until it has its
// effect, and a deadline says what it waited for.
//
// It imports the standard library alone; envctl carries the program that is built
// from it (components/azure/steward/binary).
package duty

// The modes: the program's only argument.
const (
	// Expire deletes the resource group once EnvExpires has passed.
	Expire = "expire"
	// Stop stops the group's apps and running jobs while the budget is used up.
	Stop = "stop"
	// Ready ends when every model deployment answers this identity.
	Ready = "ready"
)

// The variables that the program is configured with.
const (
	// EnvClient is the client id of the identity to act as.
	EnvClient = "AZURE_CLIENT_ID"
	// EnvExpires is when the group expires, RFC 3339.
	EnvExpires = "ENVCTL_EXPIRES"
	// EnvGroup is the id of the resource group.
	EnvGroup = "ENVCTL_RESOURCE_GROUP_ID"
	// EnvBudget is the id of the budget.
	EnvBudget = "ENVCTL_BUDGET_ID"
	// EnvManager is the URL of Resource Manager.
	EnvManager = "ENVCTL_RESOURCE_MANAGER"
	// EnvAudience is what tokens are asked for.
	EnvAudience = "ENVCTL_AUDIENCE"
	// EnvEndpoint is the URL of the models' account.
	EnvEndpoint = "ENVCTL_MODEL_ENDPOINT"
	// EnvDeployments are the names of the deployments, with commas between.
	EnvDeployments = "ENVCTL_MODEL_DEPLOYMENTS"
	// EnvAPIVersion is the API version that models are called with.
	EnvAPIVersion = "OPENAI_API_VERSION"
	// EnvDeadline is how long to try, as Go writes durations; 5m when absent.
	EnvDeadline = "ENVCTL_DEADLINE"
)

// The tag that keeps the steward's own jobs from being stopped by it, and its value.
const (
	TagKind     = "dev.envctl.kind"
	KindSteward = "steward"
)
