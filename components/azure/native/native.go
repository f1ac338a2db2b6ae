// Package native has thin typed wrappers for the resources whose module of the
// azure-native SDK cannot be had, and for envctl's own image copies: the same
// tokens, aliases, defaults and version as the official SDK, so that a stack is
// the same under either provider.
package native

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Version is that of the official plugin and SDK.
const Version = "2.90.0"

// Group is where most resources live.
type Group struct {
	ResourceGroupName pulumi.StringInput
	Location          string
	Tags              pulumi.StringMap
}

// kind is a resource type in one of its API versions.
type kind struct {
	module, version, name string
	// others are the API versions that state of the same resource may name.
	others []string
}

func (k kind) token() string {
	return fmt.Sprintf("azure-native:%s/%s:%s", k.module, k.version, k.name)
}

func (k kind) aliases() pulumi.ResourceOption {
	aliases := make([]pulumi.Alias, 0, len(k.others)+1)
	for _, version := range k.others {
		aliases = append(aliases, pulumi.Alias{Type: pulumi.String(fmt.Sprintf("azure-native:%s/%s:%s", k.module, version, k.name))})
	}
	aliases = append(aliases, pulumi.Alias{Type: pulumi.String("azure-native:" + k.module + ":" + k.name)})
	return pulumi.Aliases(aliases)
}

func (k kind) register(
	ctx *pulumi.Context, name string, props pulumi.Map, resource pulumi.CustomResource, opts []pulumi.ResourceOption,
) error {
	opts = append(opts, k.aliases(), pulumi.Version(Version))
	return ctx.RegisterResource(k.token(), name, props, resource, opts...)
}

// in returns props with where the resource lives.
func (g Group) in(props pulumi.Map) pulumi.Map {
	props["resourceGroupName"] = g.ResourceGroupName
	props["location"] = pulumi.String(g.Location)
	if g.Tags != nil {
		props["tags"] = g.Tags
	}
	return props
}

// reference is {id: …}, as ARM writes a reference to another resource.
func reference(id pulumi.StringInput) pulumi.Map { return pulumi.Map{"id": id} }
