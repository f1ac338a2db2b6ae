package local

import (
	"context"
	"time"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
)

// Unavailable is the target while its engine cannot be reached: what is recorded
// can be listed all the same, and everything else fails with Err.
type Unavailable struct{ Err error }

var (
	_ stacks.Target = Unavailable{}
	_ stacks.Marker = Unavailable{}
)

// Unsupported implements [stacks.Target].
func (Unavailable) Unsupported(def *definition.Definition) []definition.Problem {
	return (&Target{}).Unsupported(def)
}

// Prepare implements [stacks.Target].
func (u Unavailable) Prepare(context.Context, stacks.Preparation) (map[string]plan.Image, error) {
	return nil, u.Err
}

// Component implements [stacks.Target].
func (u Unavailable) Component(context.Context, *plan.Plan, bool) (components.Target, error) {
	return nil, u.Err
}

// Observe implements [stacks.Target].
func (u Unavailable) Observe(context.Context, *plan.Plan) (stacks.Observation, error) {
	return stacks.Observation{}, u.Err
}

// States implements [stacks.Target].
func (u Unavailable) States(context.Context) (map[stacks.Ref]stacks.State, error) { return nil, u.Err }

// Deadline implements [stacks.Marker]: what is recorded counts.
func (Unavailable) Deadline(context.Context, stacks.Ref) (time.Time, bool, error) {
	return time.Time{}, false, nil
}

// SetDeadline implements [stacks.Extender].
func (u Unavailable) SetDeadline(context.Context, stacks.Ref, time.Time) error { return u.Err }

// DataTypes implements [stacks.Target].
func (Unavailable) DataTypes() []string { return (*Target)(nil).DataTypes() }

// Prune implements [stacks.Target].
func (u Unavailable) Prune(context.Context, *plan.Plan) (int, error) { return 0, u.Err }

// Sweep implements [stacks.Target].
func (u Unavailable) Sweep(context.Context, stacks.Ref, bool) (int, error) { return 0, u.Err }
