package arm

import (
	"context"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/envctl/envctl/components/azure/arm/record"
)

// Object is a JSON object as encoding/json decodes it: numbers are float64.
type Object = map[string]any

// Options say how to connect. The zero value uses no environment at all.
type Options struct {
	// Getenv reads the environment; nil: nothing is set.
	Getenv func(string) string
	// Subscription and Tenant are the definition's; they win over the environment.
	Subscription, Tenant string
	// Record is a folder into which each exchange is written, redacted, in a
	// file of this client's own; "": nothing is recorded.
	Record string
	// Transport sends the requests; nil: net/http, trusting ENVCTL_AZURE_CA_FILE too.
	Transport policy.Transporter
	// Poll is the least wait between two looks at a long-running operation; 0: one
	// second, and 5 ms where a simulator answers.
	Poll time.Duration
	// Credential replaces the one of the environment; nil: the environment's.
	Credential azcore.TokenCredential
	// Now is the clock; nil: [time.Now].
	Now func() time.Time
	// Sleep waits, or returns the context's error; nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Waiting is told, before a request is asked again, why and for how long it
	// waits; nil: nobody is told. It may be called from several goroutines.
	Waiting func(why string, d time.Duration)
}

// Client is a connection to one subscription. It is safe for concurrent use.
type Client struct {
	subscription string
	tenant       string
	endpoint     string
	cloud        Cloud
	simulated    bool
	floor        time.Duration // Options.Poll

	pipeline   runtime.Pipeline // Resource Manager: authenticated, bodies bounded
	streams    runtime.Pipeline // Resource Manager: authenticated, bodies passed on
	data       runtime.Pipeline // data planes: the caller authenticates, bodies passed on
	credential *credential
	http       *http.Client
	base       http.RoundTripper // below all of them
	clock      clock
	recorder   *record.Recorder            // nil: nothing is recorded
	waiting    func(string, time.Duration) // Options.Waiting
}

// Subscription returns the subscription's ID, in lower case.
func (c *Client) Subscription() string { return c.subscription }

// Tenant returns the Entra tenant's ID; "" when a managed identity is used and
// none was given: [Client.Identity] then has it.
func (c *Client) Tenant() string { return c.tenant }

// Endpoint returns Resource Manager's URL, without a slash at its end.
func (c *Client) Endpoint() string { return c.endpoint }

// Cloud returns the names that differ between Azure's clouds.
func (c *Client) Cloud() Cloud { return c.cloud }

// Simulated tells whether ENVCTL_AZURE_SIMULATED says that a simulator answers.
func (c *Client) Simulated() bool { return c.simulated }

// HTTPClient returns a client without credentials for data planes: it trusts
// ENVCTL_AZURE_CA_FILE as well, and its exchanges are recorded without bodies.
func (c *Client) HTTPClient() *http.Client { return c.http }

// Recording returns the file that the exchanges go to, "" for none.
func (c *Client) Recording() string { return c.recorder.Path() }

// Close ends the recording and the connections that nothing uses. The client may
// still be used; nothing more is recorded.
func (c *Client) Close() error {
	if base, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
	return c.recorder.Close()
}
