package lifecycle

import (
	"context"

	"github.com/envctl/envctl/stacks"
)

// Down destroys everything of one experiment. It goes by the state first, then
// by labels, so that nothing is left even where the state is gone.
func (s *Service) Down(ctx context.Context, req Request) (stacks.Result, error) {
	r := s.begin("down", req)
	release, err := r.lock(ctx)
	if err != nil {
		return r.end("", err)
	}
	defer release()
	if r.known {
		if err := r.start(); err != nil {
			return r.end("", err)
		}
	}
	var changes stacks.Changes
	err = r.phase("destroy", func() (err error) {
		changes, err = s.Engine.Destroy(ctx, req.Ref, stacks.Options{OnEvent: r.req.OnEvent})
		return err
	})
	r.result.Changes = &changes
	if err != nil {
		return r.end("", r.finishKnown(err))
	}
	err = r.phase("sweep", func() error {
		swept, err := s.Target.Sweep(ctx, req.Ref, req.KeepData)
		changes.Delete += swept
		return err
	})
	if err != nil {
		return r.end("", r.finishKnown(err))
	}
	if err := s.State.Delete(req.Ref); err != nil {
		return r.end("", err)
	}
	if !r.known && changes.Delete == 0 {
		return r.end(stacks.Absent, nil)
	}
	return r.end(stacks.Destroyed, nil)
}

// finishKnown is finish for an operation that may be on something unrecorded.
func (r *run) finishKnown(err error) error {
	if !r.known {
		return err
	}
	return r.finish(err)
}
