package local

import (
	"context"

	"github.com/envctl/envctl/components/definition"
	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
)

// setRuntimes chooses what runs the apps, which is a container unless the definition
// says more, and the gateway, which is always a container.
func setRuntimes(s *target.Sandbox, info docker.Info) error {
	apps, err := isolation.Choose(s.Plan.Spec().Isolation, runtimes(info), false)
	if err != nil {
		return err
	}
	gateway, err := isolation.Choose(isolation.Container, runtimes(info), false)
	if err != nil && isolation.Of(info.DefaultRuntime) != "" {
		return err
	}
	s.Runtime, s.GatewayRuntime = apps.Runtime, gateway.Runtime
	return nil
}

func runtimes(info docker.Info) isolation.Engine {
	return isolation.Engine{Runtimes: info.Runtimes, Default: info.DefaultRuntime}
}

// checkIsolation refuses a level that the engine has no runtime of.
func (t *Target) checkIsolation(ctx context.Context, def *definition.Definition) error {
	l := def.Targets.Local
	if l == nil || l.Isolation == "" || l.Isolation == isolation.Auto {
		return nil
	}
	_, err := t.choose(ctx, plan.Spec{Isolation: l.Isolation}, false)
	return err
}

// choose takes the runtime of an experiment's workloads. The engine is asked only
// where the answer depends on it.
func (t *Target) choose(ctx context.Context, spec plan.Spec, strongest bool) (isolation.Choice, error) {
	if spec.Isolation == "" && !strongest {
		return isolation.Choice{}, nil
	}
	info, err := t.Engine.Info(ctx)
	if err != nil {
		return isolation.Choice{}, err
	}
	return isolation.Choose(spec.Isolation, runtimes(info), strongest)
}
