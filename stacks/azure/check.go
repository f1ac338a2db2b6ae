package azure

import (
	"context"
	"time"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

// ResourceGroup is the name of a plan's resource group.
func (t *Target) ResourceGroup(p *plan.Plan) string { return t.names(p.Spec()).ResourceGroup }

// Check looks for what Azure would refuse of a definition before anything is
// built: no image is asked for. It changes nothing.
func (t *Target) Check(ctx context.Context, def *definition.Definition, ref stacks.Ref) ([]preflight.Check, error) {
	bare := *def
	bare.Apps, bare.Jobs = nil, nil // their images are not settled, and no check is about them
	o := plan.Options{Instance: ref.Instance, Target: Name}
	if def.TTL > 0 {
		o.Expires = t.now().Add(time.Duration(def.TTL)) // the steward's role is for what expires
	}
	p, err := plan.New(&bare, o)
	if err != nil {
		return nil, err
	}
	spec := p.Spec()
	outputs := false
	for _, j := range def.Jobs {
		outputs = outputs || j.Outputs != ""
	}
	location := ""
	if spec.Azure != nil {
		location = spec.Azure.Location
	}
	if spec.Platform == "" {
		return t.check(ctx, spec, outputs, location, nil)
	}
	ground, location, err := t.ground(ctx, spec)
	if err != nil {
		return nil, err
	}
	return t.check(ctx, spec, outputs, location, ground)
}
