// Package ask is how the Azure target asks Resource Manager: the interface that
// it needs of a client, the api-version of every question, the paths, and how to
// read an answer, which is JSON as it came.
package ask

import (
	"context"
	"net/url"
	"strings"
)

// Object is one answer as it came. It is the type of components/azure/arm.
type Object = map[string]any

// Manager asks Resource Manager. Paths begin with /subscriptions or /providers.
type Manager interface {
	// Get returns one object; a missing one is an error of status 404.
	Get(ctx context.Context, path, apiVersion string) (Object, error)
	// List follows every page.
	List(ctx context.Context, path, apiVersion string) ([]Object, error)
	// Query asks a question that takes a POST and changes nothing.
	Query(ctx context.Context, path, apiVersion string, body any) (Object, error)
	// Post polls a long-running operation to its end.
	Post(ctx context.Context, path, apiVersion string, body any) (Object, error)
	// Delete polls to the end; what is not there is done.
	Delete(ctx context.Context, path, apiVersion string) error
}

// The api-version of each question. Types that envctl makes are asked for in the
// version that they are made in.
const (
	Subscriptions  = "2022-12-01" // the subscription itself and its regions
	Resources      = "2022-09-01" // resource groups, their resources, resource providers
	Apps           = "2024-03-01" // Microsoft.App
	JobDetails     = "2024-02-02-preview"
	JobReplicas    = "2023-11-02-preview"
	Registries     = "2023-07-01" // Microsoft.ContainerRegistry
	Accounts       = "2024-10-01" // Microsoft.CognitiveServices
	Authorization  = "2022-04-01" // role assignments, role definitions, permissions
	Identities     = "2023-01-31" // Microsoft.ManagedIdentity
	Networks       = "2024-01-01" // Microsoft.Network
	Budgets        = "2023-05-01" // Microsoft.Consumption
	ActionGroups   = "2023-01-01" // Microsoft.Insights
	Storage        = "2023-05-01" // Microsoft.Storage
	AppsUsages     = "2024-03-01" // quota of Container Apps in a region
	PermissionList = "2022-04-01"
)

// Subscription is the path of a subscription.
func Subscription(id string) string { return "/subscriptions/" + url.PathEscape(id) }

// Group is the path of a resource group.
func Group(subscription, name string) string {
	return Subscription(subscription) + "/resourceGroups/" + url.PathEscape(name)
}

// Provider is the path below a resource provider of a subscription or a group.
func Provider(scope, namespace string, segments ...string) string {
	var out strings.Builder
	out.WriteString(strings.TrimSuffix(scope, "/") + "/providers/" + namespace)
	for _, s := range segments {
		out.WriteString("/" + url.PathEscape(s))
	}
	return out.String()
}

// App is the path of a Container App.
func App(group, name string) string { return Provider(group, "Microsoft.App", "containerApps", name) }

// Job is the path of a Container Apps job.
func Job(group, name string) string { return Provider(group, "Microsoft.App", "jobs", name) }

// Below adds segments to a path.
func Below(path string, segments ...string) string {
	for _, s := range segments {
		path += "/" + url.PathEscape(s)
	}
	return path
}

// GroupOf is the path of the resource group that an id is in; empty where it is
// in none. The casing is the id's.
func GroupOf(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) < 5 || !strings.EqualFold(parts[1], "subscriptions") || !strings.EqualFold(parts[3], "resourceGroups") {
		return ""
	}
	return strings.Join(parts[:5], "/")
}

// NameOf is the last segment of an id.
func NameOf(id string) string { return id[strings.LastIndex(id, "/")+1:] }

// Same compares ids as Resource Manager does: without case.
func Same(a, b string) bool { return strings.EqualFold(strings.Trim(a, "/"), strings.Trim(b, "/")) }
