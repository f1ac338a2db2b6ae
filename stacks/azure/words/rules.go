package words

import "sync"

// rules are compiled once, when the first failure has to be recognised: most
// commands never meet one. Each comes from design/azure.md §5 (row), from the
// documentation of Container Apps' troubleshooting (ca) or of Kubernetes' pod
// states (k8s), which Container Apps passes on.
var rules = sync.OnceValue(func() []rule {
	return []rule{
		// Images: rows 3 and 4.
		r(`MANIFEST_UNKNOWN|manifest unknown|manifest (?:tagged by )?\S* ?(?:is )?not found|image not found`, PullMissing,
			"the registry has no such image", imageMissMend, false),
		r(`no match(?:ing manifest)? for platform|exec format error|image operating system|unsupported (?:os|platform|architecture)`, Platform,
			"the image is not for linux/amd64, the only platform that Container Apps runs", "build it with `--platform linux/amd64`, or for both", false),
		r(`unable to pull image using managed identity|UNAUTHORIZED.*(?:pull|registr|image)|(?:pull|registr|image).*(?:unauthorized|authentication required|401|403|denied|failed to authorize)`, PullDenied,
			"the image could not be pulled: the app's identity has no access to the registry, or not yet", pullMend, true),
		r(`ImagePull|ErrImage|failed to pull image|pulling image`, PullFailed,
			"the image could not be pulled", pullMend, true),

		// Models and their account: rows 6 to 9, 21 and 22.
		r(`InsufficientQuota|(?:QuotaExceeded|quota).*(?:tokens|model|deployment|capacity)`, Quota,
			"the model's quota in the region does not suffice", quotaMend, false),
		r(`FlagMustBeSetForRestore|soft.?deleted`, SoftDeleted,
			"an account of this name is soft-deleted, and keeps the name for 48 hours", softMend, true),
		r(`CustomDomainInUse|subdomain.*(?:in use|already)`, NameTaken,
			"the account's subdomain is in use, perhaps by a soft-deleted account", softMend, false),
		r(`(?:DeploymentModelNotSupported|InvalidResourceProperties|InvalidModel|ModelNot\w+).*`, Unavailable,
			"the region does not offer this model, version or sku", regionMend, false),
		r(`SkuNotAvailable|SkuNotEligible|InvalidSku`, Unavailable, "the region does not offer this sku", regionMend, false),
		r(`LocationNotAvailable|NoRegisteredProviderFound|not available (?:in|for) (?:the )?(?:location|region)`, Unavailable,
			"the region does not offer this kind of resource", regionMend, false),

		// Quota of Container Apps (ca).
		r(`MaxNumberOf\w*Environments\w*Exceeded|ManagedEnvironment\w*(?:Quota|Limit)`, Quota,
			"the subscription has as many Container Apps environments in the region as it may", "remove one, use a shared platform (platform: NAME), or ask for more under Quotas in the portal", false),
		r(`QuotaExceeded|exceed\w* (?:the )?(?:approved )?(?:\w+ )?quota`, Quota, "the subscription's quota does not suffice", "ask for more under Quotas in the portal, or use less", false),
		r(`AssigningReplicaFailed|insufficient (?:cpu|memory)|no (?:available )?capacity|AKSCapacity`, Capacity,
			"the region has no room for another replica now", "try again later, or "+regionMend, true),

		// Access: rows 1, 2, 21 and 22.
		r(`PrincipalNotFound|does not exist in the directory`, Replication, "the new identity has not spread through the directory yet",
			"run `envctl up -t azure` again in a minute", true),
		r(`RoleAssignmentExists|RoleAssignmentUpdateNotPermitted`, RoleConflict, "the same role is assigned already, under another name",
			"remove that assignment under \"Access control (IAM)\" of the resource, and run `envctl up -t azure` again", false),
		r(`AuthorizationFailed|LinkedAuthorizationFailed|does not have (?:authorization|permission) to perform action '([^']+)'`, Permission,
			"you may not do this %1", permitMend, false),
		r(`PermissionDenied`, Replication, "access to the model has not spread yet", "it takes up to 5 minutes: run `envctl up -t azure` again", true),
		r(`RequestDisallowedByPolicy|disallowed by policy`, Policy, "an Azure Policy of the subscription or its management group refuses this",
			"ask who keeps the policy for an exemption, or place the experiment where it may be", false),
		r(`MissingSubscriptionRegistration|SubscriptionNotRegistered`, Registration, "the subscription has not registered the resource provider", registerMend, false),
		r(`RBACAccessDenied`, Budget, "the budget's action group is not reached by this id", "run `envctl up -t azure` again after `envctl down -t azure`", false),

		// Operations under way: rows 8, 10 and 11.
		r(`ManagedEnvironmentNotProvisioned|ManagedEnvironmentNotReady`, Busy, "the environment is not ready yet", busyMend, true),
		r(`OperationInProgress|LockConflict|RequestConflict|AnotherOperation|active provisioning operation|being performed on the parent`, Busy,
			"another operation on it is under way", busyMend, true),
		r(`Operation expired|OperationTimedOut|deadline exceeded|ProvisioningTimeout`, Expired, "Azure gave up waiting for it",
			busyMend, true),
		// Row 19: the answer "Please try again" is Azure's own; a resource may also be
		// Failed without any reason (arm.failedState).
		r(`(?:operation failed with|^) ?(?:InternalServerError|InternalError|ServiceUnavailable|ServerTimeout|GatewayTimeout)\b|Azure does not say why`, Failing,
			"Azure failed, for no reason of the experiment's", busyMend, true),

		// Names: row 5.
		r(`AlreadyInUse|AlreadyExists|NameNotAvailable|is already (?:in use|taken)`, NameTaken, "the name is taken",
			"choose another name for the experiment or the instance: names of registries and accounts are the world's", false),

		// The program itself: row 12 and what a replica says (ca, k8s).
		r(`ContainerAppSecret\w*Invalid|SecretInvalid|secretref .* not found|secret .*(?:invalid|not found)`, Secret,
			"a secret has no value, or a variable names one that is not there", "run `envctl up -t azure` again with every secret's value at hand", false),
		r(`OOMKill|out of memory|exit code:? '?137`, Memory, "it was killed at its memory limit", "raise memory (and cpu with it)", false),
		r(`mount error\(|MountVolume|FailedMount`, Mount, "the file share of its outputs could not be mounted",
			"run `envctl up -t azure` again, which tells the environment the key that its storage account has now; where a policy forbids such keys, no job has outputs", false),
		r(`(?:executable file not found|no such file or directory|ContainerCreate(?:Failure|Error)|StartError|failed to create (?:containerd task|shim)|RunContainerError)`, Start,
			"its program could not be started: command, ENTRYPOINT or user do not fit the image", "run the same image locally with `envctl up`, and compare command and user", false),
		r(`(?:startup|liveness|readiness)[ -]?probe.*|probe (?:of \S+ )?failed|ProbeFail\w*|Unhealthy probe`, Probe,
			"its health check does not succeed", "check health.path, ingress.port and health.grace; "+crashMend, false),
		r(`(?:target ?port|port) .*(?:not match|mismatch|not listening)|connection refused`, Port,
			"nothing listens on its port", "set ingress.port to the port that the program listens on", false),
		r(`exit code:? '?(\d+)|exited with(?: code)? (\d+)`, Crash, "it ended with exit status %1", crashMend, false),
		r(`CrashLoop|Container ?Crash\w*|BackOff|terminated`, Crash, "it ends again and again", crashMend, false),
	}
})
