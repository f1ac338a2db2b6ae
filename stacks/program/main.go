// Command program is the Pulumi program of envctl for the stock pulumi CLI; the
// Pulumi.yaml of the repository names it. It makes what `envctl up` makes, of the
// same definition, for teams that run Pulumi in pipelines of their own.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/lifecycle"
)

func main() { pulumi.Run(run) }

func run(ctx *pulumi.Context) error {
	ref, err := stacks.ParseRef(ctx.Stack())
	if err != nil {
		return err
	}
	file := config.Get(ctx, "file")
	if file == "" {
		file = "envctl.yaml"
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(ctx.RootDirectory(), file)
	}
	def, err := definition.ReadFile(file, definition.ReadOptions{Lookup: os.LookupEnv})
	if err != nil {
		return err
	}
	if def.Name != ref.Experiment {
		return fmt.Errorf("the stack %q is of the experiment %q, and %s describes %q", ctx.Stack(), ref.Experiment, file, def.Name)
	}
	args, err := arguments(ctx.Context(), ref, def, ctx.DryRun())
	if err != nil {
		return err
	}
	return components.Program(args)(ctx)
}

// arguments settles the definition as envctl does: images first, then the plan.
func arguments(
	ctx context.Context, ref stacks.Ref, def *definition.Definition, dryRun bool,
) (components.ExperimentArgs, error) {
	var args components.ExperimentArgs
	engine, err := docker.Connect(ctx, "", os.Getenv)
	if err != nil {
		return args, err
	}
	cache, err := os.UserCacheDir() // not beside the definition, which is a build context
	if err != nil {
		return args, err
	}
	target := &local.Target{Engine: engine, Derived: filepath.Join(cache, "envctl", "derived")}
	if problems := target.Unsupported(def); len(problems) > 0 {
		return args, definition.Problems(problems)
	}
	images, err := target.Prepare(ctx, stacks.Preparation{
		Definition: def, Ref: ref, DryRun: dryRun,
		Pulled:  func(string) bool { return false },
		OnEvent: func(stacks.Event) {},
	})
	if err != nil {
		return args, err
	}
	// A stack of the stock CLI does not expire: nothing of it is swept by time.
	args.Plan, err = plan.New(def, plan.Options{
		Instance: ref.Instance, Target: ref.Target, Expires: time.Time{}, Images: images,
	})
	if err != nil {
		return args, err
	}
	if args.Secrets, err = lifecycle.SecretSources(def, os.Getenv); err != nil {
		return args, err
	}
	args.Target, err = target.Component(ctx, args.Plan, dryRun)
	return args, err
}
