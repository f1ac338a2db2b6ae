package docker

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/local/gateway"
)

// Models implements [components.Environment]: every model answers at one address,
// which is there inside the sandbox only.
func (e *environment) Models() pulumi.StringMap {
	if e.trust == nil {
		return nil
	}
	out := pulumi.StringMap{}
	for _, m := range e.spec.Models {
		out[m.Name] = pulumi.String(gateway.ModelsEndpoint())
	}
	return out
}
