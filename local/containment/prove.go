package containment

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/sandbox"
)

// Prove starts a hardened container under a runtime and returns what its kernel says
// of itself. For a runtime of gVisor's it fails unless that kernel is gVisor's: the
// log of one says so.
func Prove(ctx context.Context, engine *docker.Engine, runtime string) (kernel string, err error) {
	w, err := newIdentity(engine, runtime)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.close(ctx)) }()
	if err := w.load(ctx); err != nil {
		return "", err
	}
	ended, err := (&suite{world: w}).run(ctx, w.sandboxed(sandbox.Job, "none", attempt.ModeKernel))
	if err != nil {
		return "", fmt.Errorf("a container under %q: %w", runtime, err)
	}
	version, log, _ := strings.Cut(ended.out, "\n")
	if isolation.Of(runtime) == isolation.GVisor && !strings.Contains(log, "gVisor") {
		return version, fmt.Errorf("a container under %q has a kernel that is not gVisor's: %s", runtime, version)
	}
	return version, nil
}
