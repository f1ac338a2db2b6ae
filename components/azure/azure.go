// Package azure is the Azure target: an experiment as Container Apps with all
// that they stand on, or a platform that experiments share, through the typed
// Pulumi SDK of the azure-native provider.
package azure

import (
	"time"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
)

// Stack makes experiments and platforms on Azure. It implements
// [components.Target].
type Stack struct {
	// Plan is what is made; its target is [plan.Azure].
	Plan     *plan.Plan
	Names    names.Names
	Settings Settings
	// Images are the images of the workloads, by name.
	Images map[string]ImageSource
	// Steward is the image of the steward, whose repository is
	// [names.StewardRepository]; needed where [NeedsSteward] says so.
	Steward ImageSource
	// Ground is that of the plan's platform; nil: the experiment has its own.
	Ground *Ground
}

var _ components.Target = (*Stack)(nil)

// Settings are what neither the plan nor a name says.
type Settings struct {
	Subscription string // id
	Location     string // region, as swedencentral
	// Owner, Definition and Tags go onto every resource.
	Owner      string            // who made it, in words
	Definition string            // hash of the definition
	Tags       map[string]string // more tags; ours win
	// BudgetStart is any time of the month that the budget begins in. It is kept
	// from the first up: a budget that exists never moves its start.
	BudgetStart time.Time
	// Simulated says that no Azure is behind it: addresses are http.
	Simulated bool
	Cloud     Cloud
}

// Cloud has the addresses that differ between Azure's clouds; each empty one is
// that of the public cloud.
type Cloud struct {
	ResourceManager string // URL that the steward calls; https://management.azure.com
	Audience        string // of the steward's tokens; https://management.azure.com
	ModelAudience   string // of tokens for models; https://cognitiveservices.azure.com
	BlobSuffix      string // blob.core.windows.net
	LoginHosts      []string
}

// ImageSource is an image that is copied into the Container Registry.
type ImageSource struct {
	Source     string // what it is read from: HOST/REPOSITORY@sha256:…
	Digest     string // sha256:… of the manifest or index
	Repository string // in the Container Registry
}

// Ground is what a platform shares.
type Ground struct {
	ResourceGroup string
	RegistryID    string
	LoginServer   string // of the registry
	Environment   string // name
	EnvironmentID string
	AccountID     string                 // empty: the platform has no models
	Endpoint      string                 // of the account, with a slash at its end
	Models        map[string]SharedModel // by the name that definitions call it
}

// SharedModel is a model of a platform.
type SharedModel struct {
	Deployment string // its name
	Model      string // of the publisher, as gpt-4o-mini
	Version    string
}

// The tags of every resource.
const (
	TagExperiment = "dev.envctl.experiment"
	TagInstance   = "dev.envctl.instance"
	TagOwner      = "dev.envctl.owner"
	TagDefinition = "dev.envctl.definition" // hash of the definition
	TagExpires    = "dev.envctl.expires"    // RFC 3339; absent: never
	TagTarget     = "dev.envctl.target"
	TagComponent  = "dev.envctl.component" // name of the app, job or part
	TagKind       = "dev.envctl.kind"      // app, job, steward, …
	TagPlan       = "dev.envctl.plan"      // of an app or job: hash of its part of the plan
)

// KindPlatform is [TagKind] of a platform's resource group, by which experiments
// find it.
const KindPlatform = "platform"

// NeedsSteward says whether the plan has a use for the steward's image: to expire,
// to stop what is over budget, or to wait for models.
func NeedsSteward(spec plan.Spec) bool {
	if !spec.Expires.IsZero() || spec.Budget != nil && spec.Budget.Stop {
		return true
	}
	for _, w := range spec.Workloads {
		if len(w.Models) > 0 {
			return true
		}
	}
	return false
}
