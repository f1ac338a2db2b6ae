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
	// Ground are the secrets that the experiment's ground made for itself, by name;
	// empty where it is not up or made none.
	Ground map[string]string
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
	if err := r.expire(); err != nil {
		return Settled{}, err
	}
	if err := r.makePlan(ctx, false); err != nil {
		return Settled{}, err
	}
	w, ok := r.plan.Workload(workload)
	if !ok {
		return Settled{}, fmt.Errorf("the plan has no workload %q", workload)
	}
	out := Settled{Plan: r.plan, Secrets: map[string]string{}}
	generated, err := s.generated(ctx, r, w)
	if err != nil {
		return Settled{}, err
	}
	out.Ground = generated
	for variable, name := range w.Secrets {
		source := r.secrets[name]
		if source.Generate == 0 {
			out.Secrets[variable] = source.Value
			continue
		}
		value, ok := generated[name]
		if !ok {
			return Settled{}, &SecretError{Name: name, Problem: "it is generated when the experiment comes up", Mend: "run `envctl up` first"}
		}
		out.Secrets[variable] = value
	}
	return out, nil
}

// generated are the secrets that the experiment's state alone has, where a workload
// may need one: reading them costs the derivation of the state's key.
func (s *Service) generated(ctx context.Context, r *run, w plan.Workload) (map[string]string, error) {
	needed := len(r.plan.Spec().Models) > 0
	for _, name := range w.Secrets {
		needed = needed || r.secrets[name].Generate > 0
	}
	if !needed {
		return nil, nil
	}
	return s.Engine.Generated(ctx, r.req.Ref)
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
	if err := r.expire(); err != nil {
		return nil, err
	}
	err = r.makePlan(ctx, true)
	return r.plan, err
}
