package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/stacks"
)

// jobResult is the result of a run of a job.
type jobResult struct {
	output.JobRun
	// Report is what the run took; it is missing where the target cannot tell.
	Report *oneshot.Report `json:"report,omitempty"`
	// Files came back, where there is no report that has them.
	Files *untar.Summary `json:"files,omitempty"`
}

// jobReport is the report of a job that ran here.
func jobReport(e local.JobEnd, out string, interrupted bool) oneshot.Report {
	r := oneshot.Report{
		ID: e.Name, Ended: oneshot.Exited, ExitCode: e.ExitCode, Started: e.Started, Image: e.Image, Attempts: e.Attempts,
		Usage: oneshot.Usage(e.Usage), Isolation: oneshot.Isolation{Level: isolation.Of(e.Runtime), Runtime: e.Runtime, Network: e.Network},
	}
	if e.Finished.After(e.Started) {
		r.Duration = e.Finished.Sub(e.Started)
		r.Seconds = r.Duration.Round(time.Millisecond).Seconds()
	}
	switch {
	case interrupted:
		r.Ended = oneshot.Interrupted
	case e.TimedOut:
		r.Ended = oneshot.TimedOut
	case e.OOMKilled:
		r.Ended = oneshot.OutOfMemory
	}
	if out != "" {
		r.Files, r.Out = &e.Outputs, out
	}
	if e.Egress != nil {
		r.Egress = &oneshot.Egress{Shared: e.Shared}
		for _, tried := range e.Egress {
			r.Egress.Add(tried.Host, tried.Allowed, tried.Reason, tried.Count)
		}
	}
	return r
}

const (
	// settling is how long calls that a job left under way are waited for.
	settling = time.Second
	// settlingLook is how often is looked.
	settlingLook = 50 * time.Millisecond
)

// jobSpending tells what a job takes of models by the ledger of its experiment,
// which knows calls by the workload. A nil one tells nothing.
type jobSpending struct {
	path, job string
	now       func() time.Time
	began     time.Time
	before    ledger.Totals
}

func (l *localServices) spending(ref stacks.Ref, job string) (*jobSpending, error) {
	path, err := l.State.Ledger(ref)
	if err != nil {
		return nil, err
	}
	s := &jobSpending{path: path, job: job, now: time.Now, began: time.Now()}
	s.before, err = ledger.Read(path, s.began)
	return s, err
}

// since is what the job took since it began; nil where the ledger cannot be read.
func (s *jobSpending) since(ctx context.Context, shared bool) *oneshot.Models {
	if s == nil {
		return nil
	}
	var after ledger.Totals
	for deadline := time.Now().Add(settling); ; time.Sleep(settlingLook) {
		var err error
		if after, err = ledger.Read(s.path, s.began); err != nil {
			return nil
		}
		if after.Open[s.job] == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			break
		}
	}
	took := after.Since(s.before, s.job)
	// A job that ran into another month has taken of that one too.
	if next, err := ledger.Read(s.path, s.now()); err == nil && next.Month != after.Month {
		took = took.Plus(next.Apps[s.job])
	}
	return &oneshot.Models{
		Calls: took.Calls, Refused: took.Refused, UnderWay: after.Open[s.job], PromptTokens: took.Prompt, CompletionTokens: took.Completion,
		Cost: took.Cost.Units(), Currency: cmp.Or(after.Budget.Currency, price.Currency), Shared: shared,
	}
}
