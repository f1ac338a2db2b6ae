package local

import (
	"context"
	"time"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/stacks"
)

// JobEnd is how a job ended, and what it took.
type JobEnd struct {
	docker.RunResult        // of the last attempt
	Name             string // of the last attempt, as the job itself knows it; empty: none began
	Attempts         int
	Image            string // digest or ID
	Runtime          string // as the engine calls it; empty: its default
	Network          string // none: it had no network
	// Egress are the gateway's events of what the attempts tried to reach; nil: the
	// job has no way out.
	Egress []protocol.Event
	// Shared says that other runs of the job were there at its beginning or end. The
	// gateway knows a job and not its runs, so that what they did is among the events,
	// and in the ledger of models.
	Shared bool
}

func endOf(spec docker.RunSpec, attempts int) JobEnd {
	end := JobEnd{
		Name: spec.Config.Labels[labelRun], Attempts: attempts, Image: spec.Config.Image, Runtime: spec.HostConfig.Runtime, Network: noNetwork,
	}
	for name := range spec.Networking.EndpointsConfig {
		end.Network = name
	}
	return end
}

// egressTimeout bounds what is asked of a gateway for a report: a report is not
// worth waiting for longer.
const egressTimeout = 10 * time.Second

// egressSeen finds what a job tries to reach. A nil one finds nothing.
type egressSeen struct {
	target *Target
	spec   plan.Spec
	job    string
	wayOut bool
	since  time.Time // by the engine's clock, which is the gateway's too
	shared bool
}

// watchEgress is called before a job begins; nil: the job has nothing that its runs
// share.
func (t *Target) watchEgress(ctx context.Context, spec plan.Spec, w plan.Workload) *egressSeen {
	if len(w.Egress)+len(w.Models) == 0 {
		return nil
	}
	seen := &egressSeen{target: t, spec: spec, job: w.Name, wayOut: len(w.Egress) > 0}
	seen.shared = seen.others(ctx)
	seen.tell(ctx)
	return seen
}

// from notes when an attempt began; the first one counts.
func (s *egressSeen) from(began time.Time) {
	if s != nil && s.since.IsZero() {
		s.since = began
	}
}

// read adds what was tried since the first attempt began. What cannot be learned
// is not there: the job's own end counts.
func (s *egressSeen) read(ctx context.Context, end *JobEnd) {
	if s == nil || s.since.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), egressTimeout)
	defer cancel()
	end.Shared = s.shared || s.others(ctx)
	if !s.wayOut {
		return
	}
	s.tell(ctx)
	events := []protocol.Event{}
	ref := stacks.Ref{Experiment: s.spec.Experiment, Instance: s.spec.Instance}
	err := s.target.Egress(ctx, ref, LogOptions{App: s.job, Since: s.since, Tail: -1}, func(e protocol.Event) error {
		events = append(events, e)
		return nil
	})
	if err == nil {
		end.Egress = events
	}
}

// tell makes the gateway write the events that it only counted so far: those before
// a job would be taken for the job's, and those at its end would be missing. A
// gateway of an earlier envctl writes none of them.
func (s *egressSeen) tell(ctx context.Context) {
	if !s.wayOut {
		return
	}
	name := target.ContainerName(s.spec.Experiment, s.spec.Instance, target.Gateway)
	_, _ = s.target.Engine.Exec(ctx, name, docker.ExecOptions{Cmd: []string{gateway.Path, "status"}})
}

// others says that a run of the job is there; its own is not yet, or no more.
func (s *egressSeen) others(ctx context.Context) bool {
	labels := target.Selector(s.spec.Experiment, s.spec.Instance)
	labels[target.LabelKind], labels[target.LabelComponent] = "job", s.job
	list, err := s.target.Engine.Containers(ctx, docker.Filter{Labels: labels})
	return err == nil && len(list) > 0
}
