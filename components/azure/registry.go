package azure

import (
	"fmt"

	containerregistry "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20230701"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/native"
)

func (e *environment) registry(ctx *pulumi.Context) error {
	sku := "Basic"
	if e.spec.Shared != nil {
		sku = e.spec.Shared.RegistrySKU
	}
	r, err := containerregistry.NewRegistry(ctx, "registry", &containerregistry.RegistryArgs{
		ResourceGroupName: e.group,
		RegistryName:      pulumi.String(e.stack.Names.Registry),
		Location:          pulumi.String(e.stack.Settings.Location),
		Sku:               containerregistry.SkuArgs{Name: pulumi.String(sku)},
		AdminUserEnabled:  pulumi.Bool(false),
		Tags:              e.tags("registry", ""),
	}, pulumi.Parent(e.parent))
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	e.registryID, e.loginServer = r.ID().ToStringOutput(), r.LoginServer
	e.registryScope = e.stack.Names.Registry
	return nil
}

// image copies an image into the registry, by its digest.
func (e *environment) image(ctx *pulumi.Context, name string, from ImageSource) (*native.Image, error) {
	if from.Source == "" || from.Digest == "" || from.Repository == "" {
		return nil, fmt.Errorf("the image of %q has source %q, digest %q and repository %q: all three are needed to copy it",
			name, from.Source, from.Digest, from.Repository)
	}
	return native.NewImage(ctx, name, native.ImageArgs{
		Source: from.Source, Digest: from.Digest, Repository: from.Repository,
		Registry: e.loginServer, RegistryID: e.registryID,
	}, pulumi.Parent(e.parent))
}

func (e *environment) stewardImage(ctx *pulumi.Context) error {
	if !NeedsSteward(e.spec) {
		return nil
	}
	var err error
	e.steward, err = e.image(ctx, "steward", e.stack.Steward)
	return err
}
