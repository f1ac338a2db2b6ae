package components

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/plan"
)

// SecretSource says where a secret's value comes from.
type SecretSource struct {
	// Value is what the caller's environment or a file holds.
	Value string
	// Generate is the length of a value to be made once and kept, encrypted, in
	// the state; 0 means that Value is the value.
	Generate int
}

// newSecrets makes every secret that a workload of the plan uses.
func newSecrets(
	ctx *pulumi.Context, spec plan.Spec, sources map[string]SecretSource, parent pulumi.Resource,
) (map[string]pulumi.StringOutput, error) {
	out := map[string]pulumi.StringOutput{}
	for _, w := range spec.Workloads {
		for _, name := range w.Secrets {
			if _, done := out[name]; done {
				continue
			}
			source, ok := sources[name]
			if !ok {
				return nil, fmt.Errorf("secret %q has no value", name)
			}
			value, err := newSecret(ctx, name, source, parent)
			if err != nil {
				return nil, fmt.Errorf("secret %q: %w", name, err)
			}
			out[name] = value
		}
	}
	return out, nil
}

func newSecret(
	ctx *pulumi.Context, name string, source SecretSource, parent pulumi.Resource,
) (pulumi.StringOutput, error) {
	if source.Generate == 0 {
		return pulumi.ToSecret(pulumi.String(source.Value)).(pulumi.StringOutput), nil
	}
	return NewRandom(ctx, name, source.Generate, parent)
}

// NewRandom makes a random value of so many letters and digits once. It is kept,
// encrypted, in the state. A name with a dot is no secret's.
func NewRandom(ctx *pulumi.Context, name string, length int, parent pulumi.Resource) (pulumi.StringOutput, error) {
	var password randomPassword
	err := ctx.RegisterResource("random:index/randomPassword:RandomPassword", name, pulumi.Map{
		"length":  pulumi.Int(length),
		"special": pulumi.Bool(false), // letters and digits alone fit every connection string
	}, &password, pulumi.Parent(parent), pulumi.Version(randomVersion), pulumi.AdditionalSecretOutputs([]string{"result", "bcryptHash"}))
	return password.Result, err
}

// randomVersion is the version of the official random provider, so that the stock
// CLI takes that one and not whichever is the latest.
const randomVersion = "4.18.0"

// randomPassword is the official random provider's resource, which a provider
// in this process serves as well (components/random).
type randomPassword struct {
	pulumi.CustomResourceState
	Result pulumi.StringOutput `pulumi:"result"`
}
