package arm

import (
	"context"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// The kinds of credential, as [CredentialError] names them.
const (
	kindDefault     = "default"
	kindCertificate = "certificate"
	kindSecret      = "secret"
	kindOIDC        = "oidc"
	kindMSI         = "managed identity"
	kindCLI         = "az"
	kindGiven       = "given"
)

// identity is what the credentials are made from.
type identity struct {
	env          environment
	tenant       string
	client       string
	subscription string
	explicitSub  bool // the subscription was set, not asked of az
	options      azcore.ClientOptions
	http         *http.Client
	fixed        bool // the authority was overridden: nobody else is asked about it
}

// kind is the credential that the environment configures: the first that is
// there, whether or not it is whole.
func (e environment) kind() (string, error) {
	if on, err := e.flag("ARM_USE_DEFAULT_AZURE_CREDENTIAL"); err != nil || on {
		return kindDefault, err
	}
	if path, _ := e.first("ARM_CLIENT_CERTIFICATE_PATH"); path != "" {
		return kindCertificate, nil
	}
	if secret, _ := e.first("ARM_CLIENT_SECRET"); secret != "" {
		return kindSecret, nil
	}
	if on, err := e.flag("ARM_USE_OIDC"); err != nil || on {
		return kindOIDC, err
	}
	if on, err := e.flag("ARM_USE_MSI"); err != nil || on {
		return kindMSI, err
	}
	return kindCLI, nil
}

// complete holds that what a credential needs besides itself is set.
func (id identity) complete(kind string) error {
	type need struct{ value, name string }
	var needs []need
	switch kind {
	case kindCertificate, kindSecret, kindOIDC:
		needs = []need{{id.client, "ARM_CLIENT_ID"}, {id.tenant, "ARM_TENANT_ID"}, {id.subscription, "ARM_SUBSCRIPTION_ID"}}
	case kindDefault, kindMSI, kindGiven:
		needs = []need{{id.subscription, "ARM_SUBSCRIPTION_ID"}}
	}
	for _, n := range needs {
		if n.value == "" {
			return &CredentialError{
				Kind: kind, What: n.name + " is not set",
				Why:  "Azure is to be used with " + describe(kind) + ", and the first credential that is configured is the only one tried",
				Mend: "set " + n.name + ", or unset what configures this credential",
			}
		}
	}
	return nil
}

// describe names a kind of credential by what configures it.
func describe(kind string) string {
	switch kind {
	case kindDefault:
		return "azidentity's default chain (ARM_USE_DEFAULT_AZURE_CREDENTIAL)"
	case kindCertificate:
		return "a certificate (ARM_CLIENT_CERTIFICATE_PATH)"
	case kindSecret:
		return "a client secret (ARM_CLIENT_SECRET)"
	case kindOIDC:
		return "a federated token (ARM_USE_OIDC)"
	case kindMSI:
		return "a managed identity (ARM_USE_MSI)"
	case kindCLI:
		return "the az command's login"
	}
	return "the credential that was given"
}

// make makes the credential. It asks nobody.
func (id identity) make(kind string) (azcore.TokenCredential, error) {
	if err := id.complete(kind); err != nil {
		return nil, err
	}
	switch kind {
	case kindCertificate:
		return id.certificate()
	case kindSecret:
		secret, _ := id.env.first("ARM_CLIENT_SECRET")
		return azidentity.NewClientSecretCredential(id.tenant, id.client, secret, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: id.options, DisableInstanceDiscovery: id.fixed,
		})
	case kindOIDC:
		assertion, err := id.assertion()
		if err != nil {
			return nil, err
		}
		noted := func(ctx context.Context) (string, error) {
			token, err := assertion(ctx)
			note(ctx, err)
			return token, err
		}
		return azidentity.NewClientAssertionCredential(id.tenant, id.client, noted, &azidentity.ClientAssertionCredentialOptions{
			ClientOptions: id.options, DisableInstanceDiscovery: id.fixed,
		})
	case kindMSI:
		options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: id.options}
		if id.client != "" {
			options.ID = azidentity.ClientID(id.client)
		}
		return azidentity.NewManagedIdentityCredential(options)
	case kindDefault:
		return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
			ClientOptions: id.options, TenantID: id.tenant, DisableInstanceDiscovery: id.fixed,
		})
	case kindCLI:
		options := &azidentity.AzureCLICredentialOptions{TenantID: id.tenant}
		if id.tenant == "" && id.explicitSub {
			options.Subscription = id.subscription // az takes one of the two
		}
		return azidentity.NewAzureCLICredential(options)
	}
	return nil, fmt.Errorf("no credential is called %q", kind)
}

// entra are the options of the credentials' own requests.
func entra(conf Cloud, transport policy.Transporter, r *retry) azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud: conf.configuration, Transport: transport,
		Retry:           policy.RetryOptions{MaxRetries: -1}, // ours is used
		PerCallPolicies: []policy.Policy{noting{r.clock}, r},
		Telemetry:       policy.TelemetryOptions{ApplicationID: application},
	}
}

// application is the user agent's first word.
const application = "envctl"
