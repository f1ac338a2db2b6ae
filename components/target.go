// Package components holds the Pulumi components of envctl: an [Experiment]
// walks a plan and asks a [Target] for each part, so that every target gets the
// same parts in the same order and gives outputs with the same keys.
package components

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/plan"
)

// Target makes the parts of an experiment in one place: local Docker or Azure.
// Each method registers resources below parent and returns at once; what is
// known only later is an output.
type Target interface {
	// Environment makes the ground that workloads stand on. It is called first,
	// once.
	Environment(ctx *pulumi.Context, spec plan.Spec, parent pulumi.Resource) (Environment, error)
	// App makes a long-running workload; it is healthy when Resource is made.
	App(ctx *pulumi.Context, env Environment, w Workload, parent pulumi.Resource) (Part, error)
	// Job makes what is needed to run a job later, and starts nothing.
	Job(ctx *pulumi.Context, env Environment, w Workload, parent pulumi.Resource) (Part, error)
}

// Environment is the ground of one experiment.
type Environment interface {
	// Name is what the `environment` output holds.
	Name() pulumi.StringOutput
	// Registry is what the `registry` output holds; empty where there is none.
	Registry() pulumi.StringOutput
	// Models is what the `models` output holds: where each model answers, by name;
	// nil where there are none.
	Models() pulumi.StringMap
	// Generated are the secrets that the ground made for itself, by names with a dot,
	// for later runs of jobs; nil where there are none.
	Generated() pulumi.StringMap
}

// Workload is one workload of the plan with what only a running program knows.
type Workload struct {
	plan.Workload
	// SecretEnv are the values of the secrets, by variable; every one is secret.
	SecretEnv pulumi.StringMap
	// Needs are the resources of the apps that have to be healthy first.
	Needs []pulumi.Resource
}

// Part is one workload as a target made it.
type Part struct {
	// Resource is made when the workload is ready for those that need it; nil
	// where nothing had to be made.
	Resource pulumi.Resource
	// URL is where the app answers from outside; empty without public ingress.
	URL pulumi.StringOutput
	// Image is the digest that runs.
	Image pulumi.StringOutput
}
