package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/docker/provider"
	"github.com/envctl/envctl/components/random"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/registry"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
	"github.com/envctl/envctl/stacks/engine"
	"github.com/envctl/envctl/stacks/lifecycle"
	"github.com/envctl/envctl/stacks/state"
)

const (
	// parallel bounds resource operations under way at once; most of them wait for
	// an app to answer.
	parallel = 64
	// containers bounds those of them that the engine works on.
	containers = 4
)

// realServices builds the clients of this program. It is the only place that does.
func realServices() Services {
	return Services{
		Operations: func(ctx context.Context, s Settings) (Operations, error) { return newServices(ctx, s) },
		Views:      newViews,
		Workloads:  func(ctx context.Context, s Settings) (Workloads, error) { return newServices(ctx, s) },
		Unsupported: func(name string, def *definition.Definition) []definition.Problem {
			if name == targetAzure {
				return (*azure.Target)(nil).Unsupported(def)
			}
			return (*local.Target)(nil).Unsupported(def)
		},
		Probes: realProbes,
		Cloud:  func(ctx context.Context, s Settings) (Cloud, error) { return newAzure(ctx, s) },
	}
}

// services are all that is asked of one target.
type services interface {
	Operations
	Views
	Workloads
}

// newServices builds those of the target that was chosen.
func newServices(ctx context.Context, s Settings) (services, error) {
	if s.Target == targetAzure {
		return newAzure(ctx, s)
	}
	return newLocal(ctx, s)
}

// localServices are the services of the local target.
type localServices struct {
	*lifecycle.Service
	target *local.Target
}

func newLocal(ctx context.Context, s Settings) (*localServices, error) {
	dir, err := state.Open(s.Getenv)
	if err != nil {
		return nil, err
	}
	engine, err := docker.Connect(ctx, s.Host, s.Getenv)
	if err != nil {
		return nil, err
	}
	kept, err := newRegistryService(dir)
	if err != nil {
		return nil, err
	}
	target := &local.Target{Engine: engine, Derived: dir.Derived(), Registry: kept}
	service, err := newService(s, dir, target, providers(engine))
	if err != nil {
		return nil, err
	}
	return &localServices{Service: service, target: target}, nil
}

// newRegistryService is the local registry, which this program serves in the
// background.
func newRegistryService(dir *state.Dir) (*registry.Service, error) {
	store, err := registry.Open(dir.Registry())
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which serves the local registry: %w", err)
	}
	return &registry.Service{Store: store, Command: []string{self, "registry", "serve"}}, nil
}

// newLocalViews does without the engine where it cannot be reached: what is
// recorded can be looked at all the same.
func newLocalViews(ctx context.Context, s Settings) (Views, error) {
	services, err := newLocal(ctx, s)
	if unavailable := (*docker.UnavailableError)(nil); errors.As(err, &unavailable) {
		dir, err := state.Open(s.Getenv)
		if err != nil {
			return nil, err
		}
		return newService(s, dir, local.Unavailable{Err: unavailable}, nil)
	}
	return services, err
}

func newService(
	s Settings, dir *state.Dir, target stacks.Target, providers map[string]engine.ProviderFactory,
) (*lifecycle.Service, error) {
	wait, err := lockWait(s.Getenv)
	if err != nil {
		return nil, err
	}
	config := engine.Config{
		BackendURL: dir.BackendURL(), Passphrase: dir.Passphrase, SaltFile: dir.SaltFile(), WorkDir: dir.WorkDir(),
		Parallel: parallel,
		// On Azure nothing is lost that a killed operation made: each step is written.
		FinalState: s.Target != targetAzure,
		Interrupted: func(ref stacks.Ref) bool {
			record, known, err := dir.Load(ref)
			return err == nil && (!known || record.Interrupted()) // without a record, nobody knows
		},
	}
	config.Providers = chosen(s, providers)
	return &lifecycle.Service{
		Target: target, Engine: engine.New(config), State: dir, Judge: judge, Getenv: s.Getenv, Now: time.Now,
		Program: build(), LockWait: wait, Shared: s.Getenv("ENVCTL_BACKEND_URL") != "", Simulated: s.Simulate,
	}, nil
}

// chosen are the providers of this program that are used: envctl's own types have
// no other one, the rest Pulumi's own plugins can stand in for.
func chosen(s Settings, all map[string]engine.ProviderFactory) map[string]engine.ProviderFactory {
	if s.Getenv("ENVCTL_PROVIDERS") != "official" {
		return all
	}
	out := map[string]engine.ProviderFactory{}
	if own, ok := all["envctl"]; ok {
		out["envctl"] = own
	}
	return out
}

// build names this executable: another version, or another compilation of the
// same, is another file. Empty where it cannot be told.
func build() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano())
}

func providers(e *docker.Engine) map[string]engine.ProviderFactory {
	return map[string]engine.ProviderFactory{
		"docker": func() (pulumirpc.ResourceProviderServer, error) {
			return provider.New(provider.Options{
				Client: e.Client(), Builder: builder{e}, Puller: puller{e}, Ready: local.Ready(e), Parallel: containers,
			})
		},
		"random": random.New,
	}
}

// builder and puller give the docker provider the engine's own.
type (
	builder struct{ engine *docker.Engine }
	puller  struct{ engine *docker.Engine }
)

func (b builder) Build(ctx context.Context, r provider.BuildRequest) error {
	_, err := b.engine.Build(ctx, docker.BuildRequest{
		Tag: r.Tag, Context: r.Context, Dockerfile: r.Dockerfile, Target: r.Target, Args: r.Args,
	}, nil)
	return err
}

func (p puller) Pull(ctx context.Context, reference, _ string) error {
	_, err := p.engine.Pull(ctx, reference, nil)
	return err
}
