package words_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/stacks/azure/words"
)

// What Azure writes, as the cited threads of design/azure.md §5 have it.
func TestOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Failed to provision revision for container app 'api'. Error details: The following field(s) are either invalid or missing. Field 'template.containers.api.image' is invalid with details: 'Invalid value: \"r.azurecr.io/api@sha256:00\": GET https:?scope=repository: UNAUTHORIZED: authentication required'": words.PullDenied,
		"ContainerAppOperationError: unable to pull image using Managed identity /subscriptions/x for registry r.azurecr.io":                                                          words.PullDenied,
		"Field 'template.containers.api.image' is invalid with details: 'Invalid value: \"r.azurecr.io/api:1\": GET https:: MANIFEST_UNKNOWN: manifest tagged by \"1\" is not found'": words.PullMissing,
		"ImagePullFailure": words.PullFailed,
		"no match for platform in manifest: not found":                                 words.Platform,
		"exec /app: exec format error":                                                 words.Platform,
		"Secret 'db' is invalid":                                                       words.Secret,
		"ContainerAppSecretInvalid: Invalid request":                                   words.Secret,
		"startup probe failed: connection refused":                                     words.Probe,
		"Replica 'x' probe failed":                                                     words.Probe,
		"The TargetPort 80 does not match the listening port 8080.":                    words.Port,
		"Container 'api' was terminated with exit code '1' and reason 'ProcessExited'": words.Crash,
		"Container 'api' was terminated with exit code '137'":                          words.Memory,
		"MountVolumeFailed mount error(2): No such file or directory":                  words.Mount,
		"FailedMount: mount error(13): Permission denied":                              words.Mount,
		"CrashLoopBackOff":                                                             words.Crash,
		"exec: \"serve\": executable file not found in $PATH":                          words.Start,
		"InsufficientQuota: This operation require 10 new capacity in quota Tokens Per Minute (thousands) - gpt-4o":                    words.Quota,
		"MaxNumberOfRegionalEnvironmentsInSubExceeded: The subscription cannot have more than 1":                                       words.Quota,
		"FlagMustBeSetForRestore: An existing resource with ID … has been soft-deleted.":                                               words.SoftDeleted,
		"CustomDomainInUse: Please pick a different name. The subdomain name 'x' is not available as it's already used by a resource.": words.NameTaken,
		"RequestConflict: Another operation is being performed on the parent resource":                                                 words.Busy,
		"ManagedEnvironmentOperationInProgress: …":                                                                                     words.Busy,
		"ContainerAppOperationInProgress: Cannot modify a container app because there is an active provisioning operation":             words.Busy,
		"ManagedEnvironmentNotProvisioned: …":                                                                                          words.Busy,
		"InternalServerError: The operation failed. Please try again.":                                                                 words.Failing,
		"OperationFailed: its state is Failed, and Azure does not say why":                                                             words.Failing,
		"Operation expired.": words.Expired,
		"PrincipalNotFound: Principal 0 does not exist in the directory 1": words.Replication,
		"PermissionDenied: The principal lacks the required data action":   words.Replication,
		"RoleAssignmentExists: The role assignment already exists.":        words.RoleConflict,
		"AuthorizationFailed: The client 'x' with object id 'y' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope": words.Permission,
		"RequestDisallowedByPolicy: Resource was disallowed by policy":                                                         words.Policy,
		"MissingSubscriptionRegistration: The subscription is not registered to use namespace 'Microsoft.App'":                 words.Registration,
		"AlreadyInUse: The registry DNS name x.azurecr.io is already in use.":                                                  words.NameTaken,
		"LocationNotAvailableForResourceType: The provided location 'x' is not available":                                      words.Unavailable,
		"DeploymentModelNotSupported: The model 'Format: OpenAI, Name: x, Version: y' of account deployment is not supported.": words.Unavailable,
		"RBACAccessDenied: …":              words.Budget,
		"something nobody has seen before": words.Unknown,
	} {
		f, ok := words.Of(text)
		if !ok || f.Kind != want || f.What == "" || (f.Mend == "") != (want == words.Unknown) {
			t.Errorf("%q is %+v, want %s", text, f, want)
		}
	}
	if f, ok := words.Of("  "); ok {
		t.Errorf("nothing is %+v", f)
	}
}

func TestWhatIsSaid(t *testing.T) {
	t.Parallel()
	f, _ := words.Of("terminated with exit code '3'")
	if f.What != "it ended with exit status 3" {
		t.Errorf("%q", f.What)
	}
	f, _ = words.Of("AuthorizationFailed: x")
	if strings.Contains(f.What, "%1") || strings.HasSuffix(f.What, " ") {
		t.Errorf("%q", f.What)
	}
	f, _ = words.Of("MissingSubscriptionRegistration: … namespace 'Microsoft.App'")
	if !strings.Contains(f.Mend, "-n Microsoft.App`") {
		t.Errorf("%q", f.Mend)
	}
	f, _ = words.Of(strings.Repeat("long ", 500))
	if n := len([]rune(f.What)); n > 410 {
		t.Errorf("%d characters", n)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	failed := &arm.Error{StatusCode: 400, Code: "Failed", Details: []arm.Error{{Code: "InsufficientQuota", Message: "Tokens"}}}
	err := words.Wrap("make the model chat", fmt.Errorf("deployment: %w", failed))
	var said *words.Error
	if !errors.As(err, &said) || said.Kind != words.Quota || said.Hint() == "" || !errors.Is(err, failed) ||
		!strings.HasPrefix(err.Error(), "make the model chat: the model's quota") {
		t.Errorf("%v", err)
	}
	for _, plain := range []error{errors.New("no network"), &arm.Error{StatusCode: 500, Code: "Odd"}} {
		if _, ok := words.Explain(plain); ok {
			t.Errorf("%v is explained", plain)
		}
		if err := words.Wrap("ask", plain); !errors.Is(err, plain) || errors.As(err, &said) && said.Err == plain {
			t.Errorf("%v", err)
		}
	}
	if words.Wrap("ask", nil) != nil {
		t.Error("nothing is an error")
	}
}
