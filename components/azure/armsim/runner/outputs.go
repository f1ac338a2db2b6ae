package runner

import (
	"context"
	"fmt"

	"github.com/envctl/envctl/local/docker/untar"
)

// Outputs copies what an execution of a job wrote to its folder for outputs, the
// first of its volumes beside /tmp, to a folder of this machine. A job without such
// a folder has none to bring back. The execution may still run.
func (r *Runner) Outputs(ctx context.Context, id, execution, to string) (untar.Summary, error) {
	s, ok, err := r.series(ctx, id, execution)
	if err != nil {
		return untar.Summary{}, err
	}
	if !ok {
		return untar.Summary{}, fmt.Errorf("job %s has no execution %q", last(id), execution)
	}
	folder := s.main.Labels[labelOutputs]
	if folder == "" {
		return untar.Summary{}, nil
	}
	return r.engine.CopyOut(ctx, s.main.ID, folder, to, untar.Limits{})
}
