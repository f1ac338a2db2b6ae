package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/docker/provider"
	"github.com/envctl/envctl/components/random"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/oneshot/dockerrun"
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
		Keeper:     func(ctx context.Context, s Settings) (Keeper, error) { return newServices(ctx, s) },
		Meter:      newMeter,
		OneShots:   newOneShots,
		Unsupported: func(name string, def *definition.Definition) []definition.Problem {
			if name == targetAzure {
				return (*azure.Target)(nil).Unsupported(def)
			}
			return (*local.Target)(nil).Unsupported(def)
		},
		Boxes:     newBoxes,
		Probes:    realProbes,
		Sandboxes: newSandboxes,
		Cloud:     func(ctx context.Context, s Settings) (Cloud, error) { return newAzure(ctx, s) },
	}
}

// services are all that is asked of one target.
type services interface {
	Operations
	Views
	Workloads
	Keeper
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
	target := &local.Target{Engine: engine, Derived: dir.Derived(), Registry: kept, Models: modelServers{dir, s.Getenv}}
	if adopts(s) {
		target.Ahead = provider.NewAhead(engine.Client())
	}
	service, err := newService(s, dir, target, providers(engine, target.Ahead))
	if err != nil {
		return nil, err
	}
	return &localServices{Service: service, target: target}, nil
}

// oneShots are the runs that no definition knows of. The engine is asked when it is
// first needed.
type oneShots struct{ oneshot.Deps }

func newOneShots(_ context.Context, s Settings) (OneShots, error) {
	deps, err := oneShotDeps(s)
	return oneShots{deps}, err
}

// oneShotDeps are what a run needs beside its spec.
func oneShotDeps(s Settings) (oneshot.Deps, error) {
	dir, err := state.Open(s.Getenv)
	if err != nil {
		return oneshot.Deps{}, err
	}
	connect := func(ctx context.Context) (*docker.Engine, error) { return docker.Connect(ctx, s.Host, s.Getenv) }
	return oneshot.Deps{
		Runner: &dockerrun.Runner{Connect: connect}, Dir: filepath.Join(dir.Path(), "oneshot"),
		Languages: languages(s.Getenv), Notice: s.Notice,
		PyPI: s.Getenv("ENVCTL_PYPI_INDEX"), NPM: cmp.Or(s.Getenv("ENVCTL_NPM_REGISTRY"), s.Getenv("npm_config_registry")),
	}, nil
}

// languages is the user's file of languages; empty where there is no place for it.
func languages(getenv func(string) string) string {
	config := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) { // a relative one is to be ignored
		if config = getenv("HOME"); !filepath.IsAbs(config) {
			return ""
		}
		config = filepath.Join(config, ".config")
	}
	return filepath.Join(config, "envctl", "languages.yaml")
}

func (o oneShots) Run(ctx context.Context, spec oneshot.Spec, s oneshot.Streams) (oneshot.Report, error) {
	return oneshot.Run(ctx, o.Deps, spec, s)
}

func (o oneShots) Again(ctx context.Context, id, out string, pass map[string]string, s oneshot.Streams) (oneshot.Report, error) {
	return oneshot.Again(ctx, o.Deps, id, out, pass, s)
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
		service, err := newService(s, dir, local.Unavailable{Err: unavailable}, nil)
		return localViews{service}, err
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
		BackendURL: dir.BackendURL(), Passphrase: dir.Passphrase, SaltFile: dir.SaltFile(), DerivedFile: dir.DerivedFile(),
		WorkDir:    dir.WorkDir(),
		Parallel:   parallel,
		FinalState: s.Target != targetAzure || adopts(s),
		Interrupted: func(ref stacks.Ref) bool {
			record, known, err := dir.Load(ref)
			return err == nil && (!known || record.Interrupted()) // without a record, nobody knows
		},
	}
	if s.Target == targetAzure {
		config.Interim = interim
	}
	config.Providers = chosen(s, providers)
	late := lateImage
	if s.Target == targetAzure {
		late = 0
	}
	return &lifecycle.Service{
		Target: target, Engine: engine.New(config), State: dir, Judge: judge, Getenv: s.Getenv, Now: time.Now,
		Program: build(), LockWait: wait, Shared: s.Getenv("ENVCTL_BACKEND_URL") != "", Simulated: s.Simulate,
		Late: late,
	}, nil
}

// lateImage is how long an engine may still write and name the image of a build
// whose client was killed: the last step of a build does not look at it.
const lateImage = 2 * time.Second

// interim bounds what a kill loses of the state of an Azure operation, which takes
// minutes. What it loses is found again by its name and tags.
const interim = 250 * time.Millisecond

// adopts says whether what no state knows is found again: Pulumi's own providers
// make each thing anew, so with them each step is written.
func adopts(s Settings) bool { return s.Getenv("ENVCTL_PROVIDERS") != "official" }

// chosen are the providers of this program that are used: envctl's own types have
// no other one, the rest Pulumi's own plugins can stand in for.
func chosen(s Settings, all map[string]engine.ProviderFactory) map[string]engine.ProviderFactory {
	if adopts(s) {
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

func providers(e *docker.Engine, ahead *provider.Ahead) map[string]engine.ProviderFactory {
	return map[string]engine.ProviderFactory{
		"docker": func() (pulumirpc.ResourceProviderServer, error) {
			return provider.New(provider.Options{
				Client: e.Client(), Builder: builder{e}, Puller: puller{e}, Ready: local.Ready(e), Ahead: ahead, Parallel: containers,
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
