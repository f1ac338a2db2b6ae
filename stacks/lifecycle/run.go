package lifecycle

import (
	"context"
	"fmt"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
)

// Settled is what one run of a job needs of its experiment.
type Settled struct {
	Plan *plan.Plan
	// Secrets are the values of the job's secrets by variable.
	Secrets map[string]string
}

// Settle builds or pulls what the definition needs and returns its plan and the
// secrets of one workload, without making anything. An experiment need not be up
// for that, unless a secret is generated, which happens when it comes up.
func (s *Service) Settle(ctx context.Context, req Request, workload string) (Settled, error) {
	r := s.begin("run", req)
	if err := r.refuse(); err != nil {
		return Settled{}, err
	}
	var err error
	if r.record, r.known, err = s.State.Load(req.Ref); err != nil {
		return Settled{}, err
	}
	r.expire()
	if err := r.makePlan(ctx, false); err != nil {
		return Settled{}, err
	}
	w, ok := r.plan.Workload(workload)
	if !ok {
		return Settled{}, fmt.Errorf("the plan has no workload %q", workload)
	}
	out := Settled{Plan: r.plan, Secrets: map[string]string{}}
	var generated map[string]string
	for variable, name := range w.Secrets {
		source := r.secrets[name]
		if source.Generate == 0 {
			out.Secrets[variable] = source.Value
			continue
		}
		if generated == nil {
			if generated, err = s.Engine.Generated(ctx, req.Ref); err != nil {
				return Settled{}, err
			}
		}
		value, ok := generated[name]
		if !ok {
			return Settled{}, &SecretError{Name: name, Problem: "it is generated when the experiment comes up", Mend: "run `envctl up` first"}
		}
		out.Secrets[variable] = value
	}
	return out, nil
}

// NewResult is an empty result of a command that lifecycle does not run itself.
func (s *Service) NewResult(command string, ref stacks.Ref) stacks.Result {
	return s.begin(command, Request{Ref: ref}).result
}

// Plan is what an up would make, without building, pulling or writing anything.
func (s *Service) Plan(ctx context.Context, req Request) (*plan.Plan, error) {
	r := s.begin("preview", req)
	if err := r.refuse(); err != nil {
		return nil, err
	}
	var err error
	if r.record, r.known, err = s.State.Load(req.Ref); err != nil {
		return nil, err
	}
	r.expire()
	err = r.makePlan(ctx, true)
	return r.plan, err
}
