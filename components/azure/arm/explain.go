package arm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// explain adds how to mend what Azure refused, for the refusals that have to do
// with who asks and where; what a resource's own rules refuse is explained by
// who knows the resource.
func (c *Client) explain(e *Error) {
	if e.StatusCode == http.StatusUnauthorized {
		e.Mend = c.mendUnauthorized(e)
		return
	}
	switch strings.ToLower(e.Code) {
	case "subscriptionnotfound", "invalidsubscriptionid":
		e.Mend = fmt.Sprintf("this login does not know the subscription %s: correct azure.subscription or ARM_SUBSCRIPTION_ID "+
			"(`az account list --output table` shows those it knows), or log in to its tenant", c.subscription)
	case "authorizationfailed", "linkedauthorizationfailed", "roleassignmentnotallowed":
		e.Mend = "ask for a role that allows it, as Contributor for resources and Role Based Access Control Administrator for role assignments; " +
			"a role given in the last minutes may not have reached everywhere: then run the command again"
	case "missingsubscriptionregistration", "missingregistrationforresourceprovider", "subscriptionnotregistered":
		e.Mend = fmt.Sprintf("register it once, as somebody with Contributor on the subscription: `az provider register --wait --subscription %s --namespace %s`",
			c.subscription, namespaceOf(e))
	case "readonlydisabledsubscription", "subscriptiondisabled", "disabledsubscription":
		e.Mend = "the subscription is disabled: enable it in the portal (Cost Management + Billing), or use another"
	case "requestdisallowedbypolicy":
		e.Mend = "a policy of the organisation forbids it: change the definition to what the policy allows, or ask for an exemption"
	case "scopelocked":
		e.Mend = "a lock forbids it: `az lock list` shows it; remove it or use another scope"
	case "resourcegroupbeingdeleted":
		e.Mend = "wait until the group is gone, then run the command again"
	case "noregisteredproviderfound", "locationnotavailableforresourcetype":
		e.Mend = "use a region that has it, of those that Azure names here"
	case "invalidresourcetype", "invalidapiversionparameter":
		e.Mend = fmt.Sprintf("%s does not have this kind or version of resource; another cloud or region may (ARM_ENVIRONMENT is %s)", c.endpoint, c.cloud.Name)
	}
	if e.StatusCode == http.StatusTooManyRequests && e.Mend == "" {
		e.Mend = "Azure asked for fewer requests for longer than envctl waits: run the command again in a few minutes"
	}
}

// mendUnauthorized is how to mend that Azure did not take a token, of which a new
// one has been tried.
func (c *Client) mendUnauthorized(e *Error) string {
	if wrong := c.clock.wrong(); wrong != "" {
		return wrong + ", so that its tokens seem not yet valid or expired: " + mendClock
	}
	switch strings.ToLower(e.Code) {
	case "invalidauthenticationtokentenant":
		return fmt.Sprintf("the login is for another tenant than the subscription %s: set ARM_TENANT_ID (or azure.tenant) to the tenant that Azure names, "+
			"or `az login --tenant` it", c.subscription)
	case "invalidauthenticationtokenaudience":
		return fmt.Sprintf("the token is for another cloud: ARM_ENVIRONMENT is %s", c.cloud.Name)
	}
	if c.credential.kind == kindCLI {
		return "log in again: `az login`"
	}
	return "check that the credential, " + describe(c.credential.kind) + ", is still valid and for this tenant"
}

// namespace is how Azure quotes a provider's name in its messages.
var namespace = regexp.MustCompile(`(?i)\bMicrosoft\.[a-z]+`)

// namespaceOf is the provider that an error is about.
func namespaceOf(e *Error) string {
	for _, text := range []string{e.Target, e.Message, e.Operation} {
		if found := namespace.FindString(text); found != "" {
			return found
		}
	}
	return "NAMESPACE"
}

// unregistered is the error of a refusal that the pipeline could not get past:
// the provider is not registered with the subscription, and azcore's attempt to
// register it failed.
func (c *Client) unregistered(operation string, resp *http.Response, err error) error {
	body, readErr := runtime.Payload(resp)
	if readErr != nil {
		return c.clock.connectionError(operation, readErr)
	}
	e := parseError(resp.StatusCode, resp.Header, body)
	e.Operation, e.cause = operation, err
	c.explain(e)
	var refused *azcore.ResponseError
	switch {
	case errors.As(err, &refused) && refused.RawResponse != nil:
		raw, _ := runtime.Payload(refused.RawResponse) // an empty body says enough: the status is there
		why := parseError(refused.StatusCode, refused.RawResponse.Header, raw)
		e.Message += fmt.Sprintf(" (envctl asked to register it: %d %s)", refused.StatusCode, why.brief())
	case errors.Is(err, context.DeadlineExceeded):
		e.Message += fmt.Sprintf(" (envctl registered it, which was not done within %s)", registrationTime)
	}
	return e
}
