package native

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Account is azure-native:cognitiveservices:Account.
type Account struct {
	pulumi.CustomResourceState
	Name       pulumi.StringOutput `pulumi:"name"`
	Properties pulumi.MapOutput    `pulumi:"properties"`
}

// Endpoint is where the account answers, with a slash at its end.
func (a *Account) Endpoint() pulumi.StringOutput {
	return a.Properties.ApplyT(func(p map[string]any) string {
		endpoint, _ := p["endpoint"].(string)
		return endpoint
	}).(pulumi.StringOutput)
}

// AccountArgs are its inputs: one that takes Entra tokens and no keys.
type AccountArgs struct {
	Group
	Name, Subdomain string
	Kind            string // AIServices or OpenAI
	SKU             string
}

// NewAccount registers an account. Neither its kind nor its subdomain can change.
func NewAccount(ctx *pulumi.Context, name string, args AccountArgs, opts ...pulumi.ResourceOption) (*Account, error) {
	k := kind{module: "cognitiveservices", version: "v20241001", name: "Account", others: []string{
		"v20160201preview", "v20170418", "v20210430", "v20211001", "v20220301", "v20221001", "v20221201",
		"v20230501", "v20231001preview", "v20240401preview", "v20240601preview", "v20250401preview",
	}}
	opts = append(opts, pulumi.ReplaceOnChanges([]string{"kind", "properties.customSubDomainName"}), pulumi.DeleteBeforeReplace(true))
	var out Account
	err := k.register(ctx, name, args.in(pulumi.Map{
		"accountName": pulumi.String(args.Name),
		"kind":        pulumi.String(args.Kind),
		"sku":         pulumi.Map{"name": pulumi.String(args.SKU)},
		"properties": pulumi.Map{
			"customSubDomainName": pulumi.String(args.Subdomain),
			"disableLocalAuth":    pulumi.Bool(true),
			"publicNetworkAccess": pulumi.String("Enabled"),
		},
	}), &out, opts)
	return &out, err
}

// Deployment is azure-native:cognitiveservices:Deployment.
type Deployment struct {
	pulumi.CustomResourceState
	Name pulumi.StringOutput `pulumi:"name"`
}

// DeploymentArgs are its inputs.
type DeploymentArgs struct {
	ResourceGroupName, AccountName pulumi.StringInput
	Name, Model                    string
	Version                        string // empty: the default, and newer ones as they come
	SKU                            string
	Capacity                       int // thousands of tokens a minute
	Tags                           pulumi.StringMap
}

// NewDeployment registers a model deployment.
func NewDeployment(ctx *pulumi.Context, name string, args DeploymentArgs, opts ...pulumi.ResourceOption) (*Deployment, error) {
	k := kind{module: "cognitiveservices", version: "v20241001", name: "Deployment", others: []string{
		"v20211001", "v20220301", "v20221001", "v20221201", "v20230501", "v20231001preview",
		"v20240401preview", "v20240601preview", "v20250401preview",
	}}
	model := pulumi.Map{"format": pulumi.String("OpenAI"), "name": pulumi.String(args.Model)}
	upgrade := "OnceNewDefaultVersionAvailable"
	if args.Version != "" {
		model["version"], upgrade = pulumi.String(args.Version), "NoAutoUpgrade"
	}
	var out Deployment
	err := k.register(ctx, name, pulumi.Map{
		"resourceGroupName": args.ResourceGroupName,
		"accountName":       args.AccountName,
		"deploymentName":    pulumi.String(args.Name),
		"sku":               pulumi.Map{"name": pulumi.String(args.SKU), "capacity": pulumi.Int(args.Capacity)},
		"properties":        pulumi.Map{"model": model, "versionUpgradeOption": pulumi.String(upgrade)},
		"tags":              args.Tags,
	}, &out, opts)
	return &out, err
}
