package arm

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// entraCode is a code of Entra's errors.
var entraCode = regexp.MustCompile(`AADSTS\d+`)

// entraErrors are Entra's codes that people meet: what is wrong and how to mend it.
// Source: Microsoft's list of AADSTS error codes.
func entraErrors(code string) (what, mend string) {
	switch code {
	case "AADSTS7000215":
		return "the client secret is wrong", "set ARM_CLIENT_SECRET to the secret's value (not its ID), or make a new one: `az ad app credential reset --id $ARM_CLIENT_ID`"
	case "AADSTS7000222":
		return "the client secret has expired", "make a new one, `az ad app credential reset --id $ARM_CLIENT_ID`, and set ARM_CLIENT_SECRET to it"
	case "AADSTS700016", "AADSTS7000229":
		return "the tenant does not know the application", "correct ARM_CLIENT_ID or ARM_TENANT_ID; `az ad sp list --display-name NAME` shows both (appId, appOwnerOrganizationId)"
	case "AADSTS90002", "AADSTS900023", "AADSTS90013", "AADSTS900021":
		return "there is no such tenant", "correct ARM_TENANT_ID (or azure.tenant of the definition); `az account show --query tenantId` shows yours"
	case "AADSTS700027":
		return "the application does not have this certificate", "add its public part: `az ad app credential reset --id $ARM_CLIENT_ID --cert @cert.pem --append`"
	case "AADSTS700024":
		return "the signed request is not valid at this time", "correct this computer's clock, or get a new federated token: they live for minutes"
	case "AADSTS70021", "AADSTS700211", "AADSTS700212", "AADSTS700213":
		return "the application trusts no such federated token", "add a federated credential with this issuer, subject and audience: `az ad app federated-credential create --id $ARM_CLIENT_ID`"
	case "AADSTS50076", "AADSTS50078", "AADSTS50079", "AADSTS50158":
		return "the login needs a second factor", "run `az login` again"
	case "AADSTS70043", "AADSTS70008", "AADSTS700082", "AADSTS50173", "AADSTS700081", "AADSTS65001":
		return "the login has expired", "run `az login` again"
	case "AADSTS53003", "AADSTS530003", "AADSTS53000":
		return "a conditional access policy of the tenant blocks the login", "log in from where the policy allows it, or ask the tenant's administrator"
	case "AADSTS50057", "AADSTS7000112":
		return "the account is disabled", "ask the tenant's administrator to enable it"
	}
	return "", ""
}

// explain says in words why there is no token.
func (c *credential) explain(err error) error {
	var done *CredentialError
	if errors.As(err, &done) {
		return done
	}
	var broken *ConnectionError
	if errors.As(err, &broken) {
		return broken
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	text := entraText(err)
	if c.kind == kindCLI {
		return cliError(err, strings.TrimPrefix(text, "AzureCLICredential: "))
	}
	e := &CredentialError{
		Kind: c.kind, What: "Entra gave no token for " + describe(c.kind), Why: text,
		Mend: "check ARM_CLIENT_ID, ARM_TENANT_ID and the credential itself", cause: err,
	}
	if what, mend := entraErrors(entraCode.FindString(text)); what != "" {
		e.What, e.Mend = what, mend
	} else if c.kind == kindMSI {
		e.What = "there is no token of a managed identity"
		e.Mend = "give the machine an identity, or set ARM_CLIENT_ID to the one that it has; outside of Azure unset ARM_USE_MSI"
	} else if c.kind == kindDefault {
		e.Mend = "log in by one of the ways that it lists, or unset ARM_USE_DEFAULT_AZURE_CREDENTIAL"
	}
	if wrong := c.clock.wrong(); wrong != "" {
		e.Why = wrong + "; Entra said: " + e.Why
		e.Mend = mendClock
	}
	return e
}

// entraText is what Entra said: the description in its answer's body, or the
// error's own text, in one line.
func entraText(err error) string {
	text := err.Error()
	var failed *azidentity.AuthenticationFailedError
	if errors.As(err, &failed) && failed.RawResponse != nil {
		body, readErr := runtime.Payload(failed.RawResponse)
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return text
		}
		if said := entraDescription(body); said != "" {
			text = said
		}
	}
	text, _, _ = strings.Cut(text, "Trace ID:")
	text, _, _ = strings.Cut(text, " To troubleshoot, visit")
	return strings.TrimSuffix(strings.Join(strings.Fields(text), " "), ".")
}
