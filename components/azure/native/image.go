package native

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// ImageToken is the type of an image that envctl's own provider copies into a
// Container Registry.
const ImageToken = "envctl:index:Image"

// Image is a copy of an image, by its digest.
type Image struct {
	pulumi.CustomResourceState
	// Ref is LOGINSERVER/REPOSITORY@DIGEST, known when the copy is there.
	Ref pulumi.StringOutput `pulumi:"ref"`
}

// ImageArgs are its inputs.
type ImageArgs struct {
	Source, Digest, Repository string
	Registry, RegistryID       pulumi.StringInput // login server and id
}

// NewImage registers a copy.
func NewImage(ctx *pulumi.Context, name string, args ImageArgs, opts ...pulumi.ResourceOption) (*Image, error) {
	var out Image
	err := ctx.RegisterResource(ImageToken, name, pulumi.Map{
		"source": pulumi.String(args.Source), "digest": pulumi.String(args.Digest), "repository": pulumi.String(args.Repository),
		"registry": args.Registry, "registryId": args.RegistryID,
	}, &out, opts...)
	return &out, err
}
