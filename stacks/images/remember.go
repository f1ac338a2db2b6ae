package images

import (
	"context"
	"sync"

	"github.com/envctl/envctl/local/docker"
)

// Remember returns an engine that asks once for each image that is there: the
// workloads of an experiment often share one. What is not there is asked for
// again, since it may be built or pulled meanwhile.
func Remember(e Engine) Engine {
	return &remembering{Engine: e, there: map[string]func() (answer, error){}}
}

type answer struct {
	image docker.Image
	found bool
}

type remembering struct {
	Engine
	mu    sync.Mutex
	there map[string]func() (answer, error)
}

// ResolveImage implements [Engine].
func (r *remembering) ResolveImage(ctx context.Context, ref string) (docker.Image, bool, error) {
	r.mu.Lock()
	ask, known := r.there[ref]
	if !known {
		ask = sync.OnceValues(func() (answer, error) {
			image, found, err := r.Engine.ResolveImage(ctx, ref)
			return answer{image, found}, err
		})
		r.there[ref] = ask
	}
	r.mu.Unlock()
	got, err := ask()
	if err != nil || !got.found {
		r.mu.Lock()
		delete(r.there, ref)
		r.mu.Unlock()
	}
	return got.image, got.found, err
}
