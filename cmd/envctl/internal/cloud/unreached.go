package cloud

import (
	"context"
	"slices"
	"sync"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/steward/duty"
)

// unreached runs apps in networks that the simulator's models and identities do not
// reach into. The check that would wait for them until its time is over is left
// out, and people are told.
type unreached struct {
	run.Runner
	told   sync.Once
	notice func(string)
}

// Apply implements [run.Runner].
func (u *unreached) Apply(ctx context.Context, spec run.Spec) (run.Status, error) {
	return u.Runner.Apply(ctx, u.without(spec))
}

// StartJob implements [run.Runner].
func (u *unreached) StartJob(ctx context.Context, spec run.Spec) (string, error) {
	return u.Runner.StartJob(ctx, u.without(spec))
}

// without leaves out the steward's check of models.
func (u *unreached) without(spec run.Spec) run.Spec {
	spec.Init = slices.DeleteFunc(slices.Clone(spec.Init), func(c run.Container) bool {
		ready := slices.Equal(c.Args, []string{duty.Ready})
		if ready {
			u.told.Do(func() {
				u.notice("simulated: models and identities are made but answer no app; the check that waits for them is left out")
			})
		}
		return ready
	})
	if len(spec.Init) == 0 {
		spec.Init = nil
	}
	return spec
}
