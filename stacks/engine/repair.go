package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/envctl/envctl/stacks"
)

// repair puts a stack right whose last operation was killed: it removes the
// backend's own lock, which outlives a killed process, and the record of
// operations that had begun. The caller holds envctl's lock on the stack, which
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
	return c.explainState(ctx, name, dropPending(ctx, s))
}

// dropPending removes the operations that a killed run had begun. What they
// made is adopted by name and label, or swept, so the record is of no use.
func dropPending(ctx context.Context, s backend.Stack) error {
	untyped, err := backend.ExportStackDeployment(ctx, s)
	if err != nil {
		return err
	}
	var deployment apitype.DeploymentV3
	if err := json.Unmarshal(untyped.Deployment, &deployment); err != nil {
		return fmt.Errorf("reading the state of %s: %w", s.Ref(), err)
	}
	if len(deployment.PendingOperations) == 0 {
		return nil
	}
	deployment.PendingOperations = nil
	if untyped.Deployment, err = json.Marshal(deployment); err != nil {
		return err
	}
	return backend.ImportStackDeployment(ctx, s, untyped)
}
