// Package azure is the Azure target: what an experiment there needs beside what
// Pulumi makes. It settles images to digests that were pushed already, looks
// before anything is made, says how apps are, waits until they work, runs jobs,
// reaches into containers and sweeps up by tag.
package azure

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/share"
)

// Name is the name of this target.
const Name = plan.Azure

// Client is what the target needs of components/azure/arm.
type Client interface {
	ask.Manager
	DataPlane
	Place
}

// DataPlane reaches what is not Resource Manager.
type DataPlane interface {
	// Token is an access token for a scope.
	Token(ctx context.Context, scope string) (azcore.AccessToken, error)
	// HTTPClient adds no credentials.
	HTTPClient() *http.Client
	share.Sender
}

// Place is where a client points.
type Place interface {
	Subscription() string
	Endpoint() string
	Cloud() arm.Cloud
	Simulated() bool
}

var _ Client = (*arm.Client)(nil)

// Target implements [stacks.Target] in one subscription.
type Target struct {
	Client Client
	Images Images
	// Owner is who makes things, in words; it goes into a tag.
	Owner string
	// Tags are more tags for every resource.
	Tags map[string]string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Wait waits between two looks; nil: a timer.
	Wait func(context.Context, time.Duration) error
	// Warn is told what is worth knowing and stops nothing; nil: nobody.
	Warn func(string)
	// OutLimits bounds what comes back of a job's outputs; the zero value: as locally.
	OutLimits untar.Limits
	// Deadline bounds the wait for apps to answer after an apply; 0: 15 minutes,
	// in which a pull, a role assignment and a cold start fit.
	Deadline time.Duration

	mu       sync.Mutex
	prepared map[stacks.Ref]prepared
}

// prepared is what Prepare learned that a plan does not hold.
type prepared struct {
	definition string // hash
}

var (
	_ stacks.Target   = (*Target)(nil)
	_ stacks.Waiter   = (*Target)(nil)
	_ stacks.Repeater = (*Target)(nil)
)

func (t *Target) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

func (t *Target) warn(text string) {
	if t.Warn != nil {
		t.Warn(text)
	}
}

// wait returns an error when ctx ends first.
func (t *Target) wait(ctx context.Context, d time.Duration) error {
	if t.Wait != nil {
		return t.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// names are those of a plan's resources.
func (t *Target) names(spec plan.Spec) names.Names {
	group := ""
	if spec.Azure != nil {
		group = spec.Azure.ResourceGroup
	}
	return names.New(names.Owner{
		Subscription: t.Client.Subscription(), Experiment: spec.Experiment, Instance: spec.Instance, ResourceGroup: group,
	}, spec.Platform != "")
}

// group is the path of a plan's resource group.
func (t *Target) group(spec plan.Spec) string {
	return ask.Group(t.Client.Subscription(), t.names(spec).ResourceGroup)
}

// DataTypes implements [stacks.Target]: the registry, the logs and what jobs left. The
// group that holds them stays with them.
func (*Target) DataTypes() []string {
	return []string{
		"azure-native:resources:ResourceGroup", "azure-native:resources/v20220901:ResourceGroup",
		"azure-native:containerregistry:Registry", "azure-native:containerregistry/v20230701:Registry",
		"azure-native:operationalinsights:Workspace", "azure-native:operationalinsights/v20230901:Workspace",
		"azure-native:storage:StorageAccount", "azure-native:storage/v20230501:StorageAccount",
		"azure-native:storage:FileShare", "azure-native:storage/v20230501:FileShare",
		"envctl:index:Image",
	}
}
