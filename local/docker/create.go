package docker

import (
	"context"
	"errors"
)

// Create makes the container of spec as [Engine.Run] does, its folders
// included, and leaves it: it is not started, and whoever removes it removes its
// volumes. Timeout, Grace and Outputs.To are not looked at.
func (e *Engine) Create(ctx context.Context, spec RunSpec) (id string, err error) {
	if id, err = e.createRun(ctx, spec, false); err != nil {
		return id, err
	}
	if err := e.prepare(ctx, id, spec); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		return "", errors.Join(err, e.remove(ctx, id))
	}
	return id, nil
}
