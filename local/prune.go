package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
)

// Prune implements [stacks.Target]. A job's container goes when the process that
// waits for it is no more.
func (t *Target) Prune(ctx context.Context, p *plan.Plan) (int, error) {
	spec := p.Spec()
	known := map[string]bool{}
	for _, f := range expectedContainers(p) {
		known[f.component] = true
	}
	return t.prune(ctx, spec, func(labels map[string]string) bool {
		switch labels[target.LabelKind] {
		case "app", target.Gateway:
			return !known[labels[target.LabelComponent]]
		case "job":
			return ownerGone(labels[labelOwner])
		}
		return false
	})
}

// pruneJobs removes what killed runs of jobs left.
func (t *Target) pruneJobs(ctx context.Context, spec plan.Spec) error {
	_, err := t.prune(ctx, spec, func(labels map[string]string) bool {
		return labels[target.LabelKind] == "job" && ownerGone(labels[labelOwner])
	})
	return err
}

// prune removes the containers of an instance that are strays by their labels.
func (t *Target) prune(ctx context.Context, spec plan.Spec, stray func(labels map[string]string) bool) (int, error) {
	list, err := t.Engine.Containers(ctx, docker.Filter{Labels: target.Selector(spec.Experiment, spec.Instance)})
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, c := range list {
		if !stray(c.Labels) {
			continue
		}
		// By all of its labels: nothing else has them.
		gone, err := t.Engine.Sweep(ctx, c.Labels, docker.SweepOptions{KeepImages: true, KeepVolumes: true})
		removed += gone.Count()
		if err != nil {
			return removed, fmt.Errorf("remove %s, which nothing needs any more: %w", c.Name, err)
		}
	}
	return removed, nil
}

// owner names this process to [ownerGone]. The engine may be another machine's, so
// the number of a process alone would not do.
func owner() (string, error) {
	host, err := os.Hostname()
	return host + "/" + strconv.Itoa(os.Getpid()), err
}

// ownerGone says whether an owner was a process of this machine that is no more.
func ownerGone(name string) bool {
	host, number, ok := strings.Cut(name, "/")
	pid, err := strconv.Atoi(number)
	here, hostErr := os.Hostname()
	if !ok || err != nil || pid < 1 || hostErr != nil || host != here {
		return false
	}
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
