package arm

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	armpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/policy"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/envctl/envctl/components/azure/arm/record"
	"github.com/envctl/envctl/components/azure/arm/redact"
)

// registrationTime is how long the registration of a provider is waited for; it
// takes a minute or two.
const registrationTime = 10 * time.Minute

// Connect finds out where Azure is and who asks. It sends nothing to Azure; only
// where the az command's login is used and the subscription or tenant is not
// set is that command asked for them.
func Connect(ctx context.Context, o Options) (*Client, error) {
	env := environment(o.Getenv)
	if o.Getenv == nil {
		env = func(string) string { return "" }
	}
	client, id, err := locate(ctx, env, o)
	if err != nil {
		return nil, err
	}
	if err := client.open(env, o, id); err != nil {
		return nil, err
	}
	// Making the credential finds what is missing or cannot be read, before
	// anything is asked of Azure.
	if client.credential.under, err = client.credential.make(); err != nil {
		return nil, client.credential.explain(err)
	}
	return client, nil
}

// locate finds the cloud, the subscription and the tenant.
func locate(ctx context.Context, env environment, o Options) (*Client, *identity, error) {
	name, _ := env.first("ARM_ENVIRONMENT")
	conf, err := cloudOf(name)
	if err != nil {
		return nil, nil, err
	}
	manager, _ := env.first("ENVCTL_AZURE_RESOURCE_MANAGER")
	authority, _ := env.first("ENVCTL_AZURE_AUTHORITY")
	if conf, err = conf.override(manager, authority); err != nil {
		return nil, nil, err
	}
	simulated, err := env.flag("ENVCTL_AZURE_SIMULATED")
	if err != nil {
		return nil, nil, err
	}
	id := &identity{env: env, fixed: authority != ""}
	if id.subscription, id.tenant, err = named(env, o); err != nil {
		return nil, nil, err
	}
	id.client, _ = env.first("ARM_CLIENT_ID")
	id.explicitSub = id.subscription != ""
	kind := kindGiven
	if o.Credential == nil {
		if kind, err = env.kind(); err != nil {
			return nil, nil, err
		}
	}
	floor := o.Poll
	if floor == 0 && simulated {
		floor = simulatedPoll
	}
	c := &Client{
		tenant: id.tenant, cloud: conf, simulated: simulated, floor: floor,
		endpoint: conf.configuration.Services["resourceManager"].Endpoint,
		clock:    newClock(o.Now, o.Sleep), waiting: o.Waiting,
	}
	if kind == kindCLI && (id.subscription == "" || id.tenant == "") {
		found, err := askCLI(ctx, id.subscription)
		if err != nil {
			return nil, nil, err
		}
		if id.subscription == "" {
			id.subscription = found.ID
		}
		if c.tenant == "" {
			c.tenant = found.TenantID
		}
	}
	c.subscription = strings.ToLower(id.subscription)
	c.credential = &credential{kind: kind, clock: c.clock}
	c.credential.make = func() (azcore.TokenCredential, error) {
		if o.Credential != nil {
			return o.Credential, id.complete(kind)
		}
		return id.make(kind)
	}
	return c, id, nil
}

// named are the subscription and the tenant that are set: the definition's, else
// the environment's; "" when neither has one.
func named(env environment, o Options) (subscription, tenant string, err error) {
	subscription, from := o.Subscription, "azure.subscription"
	if subscription == "" {
		subscription, from = env.first("ARM_SUBSCRIPTION_ID")
	}
	if subscription != "" {
		if err := checkSubscription(subscription, from); err != nil {
			return "", "", err
		}
	}
	tenant, from = o.Tenant, "azure.tenant"
	if tenant == "" {
		tenant, from = env.first("ARM_TENANT_ID")
	}
	if tenant != "" {
		if err := checkTenant(tenant, from); err != nil {
			return "", "", err
		}
	}
	return subscription, tenant, nil
}

// open makes the pipelines.
func (c *Client) open(env environment, o Options, id *identity) error {
	var base http.RoundTripper
	if o.Transport != nil {
		base = fromTransporter{o.Transport}
	} else {
		caFile, _ := env.first("ENVCTL_AZURE_CA_FILE")
		t, err := baseTransport(caFile)
		if err != nil {
			return err
		}
		base = t
	}
	c.base = base
	if o.Record != "" {
		var err error
		if c.recorder, err = record.Open(o.Record, c.clock.now(), redact.New(secrets(env)...)); err != nil {
			return err
		}
	}
	r := &retry{clock: c.clock, waiting: o.Waiting}
	recorded, headers := c.recorder.Transport(base, true), c.recorder.Transport(base, false)
	c.http = &http.Client{Transport: headers}
	id.http = c.http
	id.options = entra(c.cloud, sender{next: recorded, clock: c.clock, limit: maxToken}, r)

	var err error
	if c.pipeline, err = c.manager(r, sender{next: recorded, clock: c.clock, limit: maxBody}); err != nil {
		return err
	}
	if c.streams, err = c.manager(r, sender{next: headers, clock: c.clock}); err != nil {
		return err
	}
	c.data = runtime.NewPipeline(application, version, runtime.PipelineOptions{}, &policy.ClientOptions{
		Transport: sender{next: headers, clock: c.clock},
		Retry:     policy.RetryOptions{MaxRetries: -1}, PerCallPolicies: []policy.Policy{r},
		Telemetry: policy.TelemetryOptions{ApplicationID: application},
	})
	return nil
}

// version is the module version that azcore's user agent wants.
const version = "v1.0.0"

// manager makes a pipeline to Resource Manager: registration of providers, then
// new tokens for stale ones, then retries, then what azcore does for each try.
func (c *Client) manager(r *retry, transport policy.Transporter) (runtime.Pipeline, error) {
	endpoint, err := url.Parse(c.endpoint)
	if err != nil {
		return runtime.Pipeline{}, err
	}
	options := policy.ClientOptions{
		Cloud: c.cloud.configuration, Transport: transport,
		Retry:           policy.RetryOptions{MaxRetries: -1},
		PerCallPolicies: []policy.Policy{operationURLs{endpoint}, renew{c.credential}, r},
		Telemetry:       policy.TelemetryOptions{ApplicationID: application},
	}
	register, err := armruntime.NewRPRegistrationPolicy(c.credential, &armpolicy.RegistrationOptions{
		ClientOptions: options, PollingDelay: max(c.poll0(), registrationPoll(c.floor)), PollingDuration: registrationTime,
	})
	if err != nil {
		return runtime.Pipeline{}, fmt.Errorf("the cloud %s is not described whole: %w", c.cloud.Name, err)
	}
	options.PerCallPolicies = append([]policy.Policy{register}, options.PerCallPolicies...)
	return armruntime.NewPipeline(application, version, c.credential, runtime.PipelineOptions{}, &armpolicy.ClientOptions{
		ClientOptions: options, DisableRPRegistration: true,
	})
}

// registrationPoll is the wait between two looks at a registration: azcore's 15
// seconds, unless the floor was set, as with a simulator.
func registrationPoll(floor time.Duration) time.Duration {
	if floor > 0 {
		return floor
	}
	return 15 * time.Second
}

// secrets are the values of the environment that may not be recorded, whatever
// they look like.
func secrets(env environment) []string {
	var out []string
	for _, name := range []string{
		"ARM_CLIENT_SECRET", "ARM_CLIENT_CERTIFICATE_PASSWORD", "ARM_OIDC_TOKEN", "ARM_OIDC_REQUEST_TOKEN",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN", "IDENTITY_HEADER", "MSI_SECRET",
	} {
		if value, _ := env.first(name); value != "" {
			out = append(out, value)
		}
	}
	return out
}
