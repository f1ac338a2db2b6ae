package provider

import (
	"context"
	"fmt"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/envctl/envctl/components/azure/arm"
)

// Version is the version of the official plugin whose types these are.
const Version = "2.90.0"

// Name is the package's name in tokens.
const Name = "azure-native"

// Requester is what the provider asks of Resource Manager. A path begins with a
// slash and has no api-version. Put, Post and Delete return once the operation
// that they began has ended; errors are arm.Error's. Delete of what does not
// exist is no error.
type Requester interface {
	Get(ctx context.Context, path, apiVersion string) (map[string]any, error)
	List(ctx context.Context, path, apiVersion string) ([]map[string]any, error)
	Put(ctx context.Context, path, apiVersion string, body any) (map[string]any, error)
	Query(ctx context.Context, path, apiVersion string, body any) (map[string]any, error)
	Delete(ctx context.Context, path, apiVersion string) error
}

// Account is whom the requests are made for.
type Account interface {
	Subscription() string
	Tenant() string
	Identity(ctx context.Context) (arm.Identity, error)
}

// Client is a connection to one subscription, as *arm.Client is.
type Client interface {
	Requester
	Account
}

// Options are what a server works with. Connect is required.
type Options struct {
	// Connect returns the connection. It is called when Azure is first needed,
	// and again after an error.
	Connect func(ctx context.Context) (Client, error)
	// Location is the region where neither the resource nor the stack's
	// configuration (azure-native:location) names one; "": that of the resource group.
	Location string
	// Owned tells by its tags whether a resource that exists is this stack's, so
	// that a create goes on with what an interrupted one left. nil: nothing is.
	Owned func(tags map[string]string) bool
	// Poll is the wait between two looks at a resource that Azure is still
	// working on; 0: 10 s.
	Poll time.Duration
}

// New returns a provider server. It makes no request and holds nothing that
// needs closing; Cancel ends every request in flight, and the server.
func New(opts Options) (pulumirpc.ResourceProviderServer, error) {
	if opts.Connect == nil {
		return nil, fmt.Errorf("azure-native provider: Options.Connect is nil")
	}
	if opts.Owned == nil {
		opts.Owned = func(map[string]string) bool { return false }
	}
	if opts.Poll <= 0 {
		opts.Poll = 10 * time.Second
	}
	return newServer(opts), nil
}
