package components

import (
	"fmt"
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/plan"
)

// ExperimentType is the type token of the component.
const ExperimentType = "envctl:index:Experiment"

// Experiment is one experiment on one target.
type Experiment struct {
	pulumi.ResourceState
	// Outputs has the keys apps, jobs, models, registry and environment.
	Outputs pulumi.Map
}

// ExperimentArgs is what an [Experiment] is made of.
type ExperimentArgs struct {
	Plan   *plan.Plan
	Target Target
	// Secrets says where the value of each secret of the plan comes from, by name.
	Secrets map[string]SecretSource
}

// NewExperiment registers an experiment with all that belongs to it.
func NewExperiment(
	ctx *pulumi.Context, name string, args ExperimentArgs, opts ...pulumi.ResourceOption,
) (*Experiment, error) {
	e := &Experiment{}
	if err := ctx.RegisterComponentResource(ExperimentType, name, e, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, target: args.Target, parent: e, parts: map[string]Part{}, generated: pulumi.StringMap{}}
	if err := b.build(args); err != nil {
		return nil, err
	}
	e.Outputs = b.outputs()
	return e, ctx.RegisterResourceOutputs(e, e.Outputs)
}

// Program returns the Pulumi program of an experiment; its outputs are the
// stack's.
func Program(args ExperimentArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		e, err := NewExperiment(ctx, args.Plan.Spec().Experiment, args)
		if err != nil {
			return err
		}
		for key, value := range e.Outputs {
			ctx.Export(key, value)
		}
		return nil
	}
}

type builder struct {
	ctx     *pulumi.Context
	target  Target
	parent  pulumi.Resource
	env     Environment
	secrets map[string]pulumi.StringOutput
	// generated are those secrets that exist only in the state.
	generated pulumi.StringMap
	spec      plan.Spec
	parts     map[string]Part // by workload
}

func (b *builder) build(args ExperimentArgs) error {
	b.spec = args.Plan.Spec()
	var err error
	if b.secrets, err = newSecrets(b.ctx, b.spec, args.Secrets, b.parent); err != nil {
		return err
	}
	for name, value := range b.secrets {
		if args.Secrets[name].Generate > 0 {
			b.generated[name] = value
		}
	}
	if b.env, err = b.target.Environment(b.ctx, b.spec, b.parent); err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	maps.Copy(b.generated, b.env.Generated())
	byName := map[string]plan.Workload{}
	for _, w := range b.spec.Workloads {
		byName[w.Name] = w
	}
	for _, level := range args.Plan.Order() {
		for _, name := range level {
			if err := b.workload(byName[name]); err != nil {
				return fmt.Errorf("%s %q: %w", byName[name].Kind, name, err)
			}
		}
	}
	return nil
}

func (b *builder) workload(w plan.Workload) error {
	work := Workload{Workload: w, SecretEnv: pulumi.StringMap{}}
	for variable, name := range w.Secrets {
		work.SecretEnv[variable] = b.secrets[name]
	}
	for _, need := range w.Needs {
		if r := b.parts[need].Resource; r != nil {
			work.Needs = append(work.Needs, r)
		}
	}
	make := b.target.App
	if w.Kind == plan.Job {
		make = b.target.Job
	}
	part, err := make(b.ctx, b.env, work, b.parent)
	b.parts[w.Name] = part
	return err
}

func (b *builder) outputs() pulumi.Map {
	apps, jobs, models := pulumi.Map{}, pulumi.Map{}, pulumi.Map{}
	for name, endpoint := range b.env.Models() {
		models[name] = endpoint
	}
	for _, w := range b.spec.Workloads {
		part := b.parts[w.Name]
		if w.Kind == plan.Job {
			jobs[w.Name] = pulumi.Map{"image": part.Image}
			continue
		}
		apps[w.Name] = pulumi.Map{"url": part.URL, "image": part.Image}
	}
	out := pulumi.Map{
		"apps": apps, "jobs": jobs, "models": models,
		"registry": b.env.Registry(), "environment": b.env.Name(),
	}
	if len(b.generated) > 0 {
		out["generated"] = pulumi.ToSecret(b.generated) // for later runs of jobs
	}
	return out
}
