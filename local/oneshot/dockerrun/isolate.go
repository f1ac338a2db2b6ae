package dockerrun

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/oneshot"
)

// askTimeout bounds the question which runtimes there are.
const askTimeout = 30 * time.Second

// runtimes are those of an engine. They are asked for while the image of the first
// run is looked for, so that a run waits for neither.
type runtimes struct {
	asked chan struct{} // closed when there is an answer
	info  docker.Info
	err   error
}

func (r *runtimes) ask(ctx context.Context, engine *docker.Engine) {
	r.asked = make(chan struct{})
	// The answer is for later runs too, whatever becomes of this one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	go func() {
		defer cancel()
		defer close(r.asked)
		r.info, r.err = engine.Info(ctx)
	}()
}

// isolated is what separates a program from the machine.
type isolated struct {
	level   string
	runtime string
	request string // what to ask the engine for; "" is its default
}

// choose takes the runtime of a run; where the setting is auto, the strongest that
// the engine has.
func (r *runtimes) choose(ctx context.Context, engine *docker.Engine, setting string) (isolated, error) {
	select {
	case <-r.asked:
	case <-ctx.Done():
		return isolated{}, context.Cause(ctx)
	}
	info, err := r.info, r.err
	if err != nil {
		info, err = engine.Info(ctx)
	}
	if err != nil {
		return isolated{}, err
	}
	choice, err := isolation.Choose(setting, isolation.Engine{Runtimes: info.Runtimes, Default: info.DefaultRuntime}, true)
	var missing *isolation.Error
	if errors.As(err, &missing) {
		return isolated{}, &oneshot.Error{What: missing.Error(), Kind: missing.Code(), At: "--isolation", Exit: 1, Err: err,
			Mend: "run `" + isolation.Fix + "`, which registers gVisor, or run it anew with --isolation auto"}
	}
	return isolated{level: choice.Level, runtime: cmp.Or(choice.Runtime, info.DefaultRuntime), request: choice.Runtime}, err
}
