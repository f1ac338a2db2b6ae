package lifecycle

import (
	"cmp"
	"context"
	"time"

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
	return r.down(ctx)
}

// down is Down while the lock is held.
func (r *run) down(ctx context.Context) (stacks.Result, error) {
	interrupted := r.killed || r.record.Interrupted()
	if r.known {
		if err := r.start(); err != nil {
			return r.end("", err)
		}
	}
	changes, err := r.destroy(ctx, interrupted)
	r.result.Changes = &changes
	if err != nil {
		return r.end("", r.finishKnown(err))
	}
	if err := r.s.State.Delete(r.req.Ref); err != nil {
		return r.end("", err)
	}
	if !r.known && changes.Delete == 0 {
		return r.end(stacks.Absent, nil)
	}
	return r.end(stacks.Destroyed, nil)
}

// destroy removes what the state knows and what carries the labels. What a killed
// run made and could not write down hangs on what it did, so after one the labels
// come first.
func (r *run) destroy(ctx context.Context, interrupted bool) (stacks.Changes, error) {
	swept := 0
	sweep := func() error {
		return r.phase("sweep", func() error {
			n, err := r.s.Target.Sweep(ctx, r.req.Ref, r.req.KeepData)
			swept += n
			return err
		})
	}
	late := time.After(r.s.Late)
	if interrupted {
		if err := sweep(); err != nil {
			return stacks.Changes{Delete: swept}, err
		}
	}
	var changes stacks.Changes
	err := r.phase("destroy", func() (err error) {
		opts := stacks.Options{OnEvent: r.req.OnEvent}
		if r.req.KeepData {
			opts.Keep = r.s.Target.DataTypes()
		}
		changes, err = r.s.Engine.Destroy(ctx, r.req.Ref, opts)
		return err
	})
	if interrupted {
		changes.Delete, swept = max(changes.Delete, swept), 0 // the same objects, seen twice
		select {
		case <-late:
		case <-ctx.Done():
			err = cmp.Or(err, context.Cause(ctx))
		}
	}
	if err == nil {
		err = sweep()
	}
	changes.Delete += swept
	return changes, err
}

// finishKnown is finish for an operation that may be on something unrecorded.
func (r *run) finishKnown(err error) error {
	if !r.known {
		return err
	}
	return r.finish(err)
}
