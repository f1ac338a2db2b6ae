package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/envctl/envctl/stacks"
)

// repair puts a stack right whose last operation was killed: it removes the
// backend's own lock, which outlives a killed process, and the record of
// operations that had begun, and takes over the interim state. The caller holds envctl's lock on the stack, which
// the kernel releases with its owner, so nobody of this machine is still at it.
func (c *command) repair(ctx context.Context, name string) error {
	ref, err := stacks.ParseRef(name)
	if err != nil || c.engine.cfg.Interrupted == nil || !c.engine.cfg.Interrupted(ref) {
		return nil
	}
	if err := breakDeadLocks(ctx, c.url, name); err != nil {
		return err
	}
	s, err := c.stack(ctx, name)
	if errors.Is(err, errNoStack) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.takeInterim(ctx, s); err != nil {
		return c.explainState(ctx, name, err)
	}
	return c.explainState(ctx, name, dropPending(ctx, s))
}

// dropPending removes the operations that a killed run had begun. What they
// made is adopted by name and label, or swept, so the record is of no use.
func dropPending(ctx context.Context, s backend.Stack) error {
	return edit(ctx, s, func(d *apitype.DeploymentV3) bool {
		had := len(d.PendingOperations) > 0
		d.PendingOperations = nil
		return had
	})
}

// forget takes the resources of some types out of a stack's state, so that a
// destroy leaves them where they are. Nothing else may depend on them by then but
// what the destroy deletes.
func (c *command) forget(ctx context.Context, name string, types []string) error {
	s, err := c.stack(ctx, name)
	if err != nil {
		return err
	}
	err = edit(ctx, s, func(d *apitype.DeploymentV3) bool {
		gone := map[resource.URN]bool{}
		for _, r := range d.Resources {
			gone[r.URN] = slices.Contains(types, string(r.Type))
		}
		before := len(d.Resources)
		d.Resources = slices.DeleteFunc(d.Resources, func(r apitype.ResourceV3) bool { return gone[r.URN] })
		for i := range d.Resources {
			r := &d.Resources[i]
			r.Dependencies = slices.DeleteFunc(r.Dependencies, func(u resource.URN) bool { return gone[u] })
			for key, urns := range r.PropertyDependencies {
				r.PropertyDependencies[key] = slices.DeleteFunc(urns, func(u resource.URN) bool { return gone[u] })
			}
		}
		return len(d.Resources) < before
	})
	return c.explainState(ctx, name, err)
}

// edit changes the state of a stack by hand; change says whether it did anything.
func edit(ctx context.Context, s backend.Stack, change func(*apitype.DeploymentV3) bool) error {
	untyped, err := backend.ExportStackDeployment(ctx, s)
	if err != nil {
		return err
	}
	var deployment apitype.DeploymentV3
	if err := json.Unmarshal(untyped.Deployment, &deployment); err != nil {
		return fmt.Errorf("reading the state of %s: %w", s.Ref(), err)
	}
	if !change(&deployment) {
		return nil
	}
	if untyped.Deployment, err = json.Marshal(deployment); err != nil {
		return err
	}
	return backend.ImportStackDeployment(ctx, s, untyped)
}
