// Package stacks operates one named stack: preview, up, down, refresh, status
// and list, on whatever target it is for.
package stacks

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Engine runs Pulumi operations on stacks. Its methods may be called side by
// side for different stacks; the caller holds the lock of the stack it names.
type Engine interface {
	// Preview says what Up would do and changes nothing.
	Preview(ctx context.Context, ref Ref, program pulumi.RunFunc, opts Options) ([]Step, Changes, error)
	// Up makes the stack what program says and returns its outputs as Outputs does.
	// After an error the state holds what exists, and the same call goes on from there.
	Up(ctx context.Context, ref Ref, program pulumi.RunFunc, opts Options) (map[string]any, Changes, error)
	// Destroy deletes every resource of the stack and its state. A stack that
	// does not exist is no error.
	Destroy(ctx context.Context, ref Ref, opts Options) (Changes, error)
	// Outputs returns the outputs recorded by the last Up; secrets are left out.
	// The second result is false where there is no such stack.
	Outputs(ctx context.Context, ref Ref) (map[string]any, bool, error)
	// Generated returns the values of the secrets that Up generated, by name;
	// empty where there is no such stack.
	Generated(ctx context.Context, ref Ref) (map[string]string, error)
	// IDs returns the IDs of the resources that the stack has, as their providers gave
	// them; none where there is no such stack.
	IDs(ctx context.Context, ref Ref) ([]string, error)
	// List returns every stack in the backend.
	List(ctx context.Context) ([]Ref, error)
}

// Options tune one operation.
type Options struct {
	// Refresh reads every resource from the target first, so drift is seen.
	Refresh bool
	// Keep are the types of resources (Pulumi type tokens) that Destroy leaves
	// where they are.
	Keep []string
	// OnEvent gets progress; nil: none. Calls come one at a time.
	OnEvent func(Event)
}
