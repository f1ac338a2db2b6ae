package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/envctl/envctl/cmd/envctl/internal/cloud"
	"github.com/envctl/envctl/components/plan"
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

// azureServices are the services of the Azure target, or of its simulator.
type azureServices struct {
	*lifecycle.Service
	target   *azure.Target
	cloud    *cloud.Cloud
	settings Settings
	own      *state.Dir // of the user; a simulator's stacks are below it
	kept     *registry.Service
}

// simulatedFolder is below the state folder: a whole state folder of its own.
const simulatedFolder = "simulated"

// stateFor opens the state folder of a target, and the user's own.
func stateFor(s Settings) (dir, own *state.Dir, err error) {
	if own, err = state.Open(s.Getenv); err != nil || !s.Simulate {
		return own, own, err
	}
	dir, err = state.Open(simulatedEnv(s.Getenv, filepath.Join(own.Path(), simulatedFolder)))
	return dir, own, err
}

// simulatedEnv is an environment whose state is in a folder alone.
func simulatedEnv(getenv func(string) string, folder string) func(string) string {
	return func(name string) string {
		switch name {
		case "ENVCTL_STATE_DIR":
			return folder
		case "ENVCTL_BACKEND_URL":
			return ""
		}
		return getenv(name)
	}
}

func newAzure(ctx context.Context, s Settings) (*azureServices, error) {
	dir, own, err := stateFor(s)
	if err != nil {
		return nil, err
	}
	kept, err := newRegistryService(own)
	if err != nil {
		return nil, err
	}
	options, err := cloudOptions(s, dir, kept)
	if err != nil {
		return nil, err
	}
	connection, err := cloud.Connect(ctx, options)
	if err != nil {
		return nil, err
	}
	s.AtEnd(connection.Close)
	a := &azureServices{target: connection.Target(), cloud: connection, settings: s, own: own, kept: kept}
	if s.Build {
		a.target.Images.Build = a.build
	}
	a.Service, err = newService(s, dir, a.target, azureProviders(connection, s.Ref))
	if err != nil {
		return nil, err
	}
	if s.Simulate {
		a.Shared = false
	}
	return a, nil
}

func cloudOptions(s Settings, dir *state.Dir, kept *registry.Service) (o cloud.Options, err error) {
	o = cloud.Options{
		Getenv: s.Getenv, Azure: s.Azure, Record: s.Record, Registry: kept, Notice: s.Notice,
		Engine: func(ctx context.Context) (*docker.Engine, error) { return docker.Connect(ctx, s.Host, s.Getenv) },
	}
	if s.Simulate {
		o.Simulate = filepath.Join(dir.Path(), "azure")
		o.Background, err = background()
	}
	return o, err
}

func azureProviders(c *cloud.Cloud, ref stacks.Ref) map[string]engine.ProviderFactory {
	return map[string]engine.ProviderFactory{
		"azure-native": c.Native(ref), "envctl": c.Copies(), "random": random.New,
	}
}

// newAzureViews does without a login where there is none.
func newAzureViews(ctx context.Context, s Settings) (Views, error) {
	services, err := newAzure(ctx, s)
	if err == nil || s.Simulate {
		return services, err
	}
	dir, _, opened := stateFor(s)
	if opened != nil {
		return nil, errors.Join(err, opened)
	}
	return newService(s, dir, azure.Unavailable{Err: err}, nil)
}

// build builds what the definition builds, as a local up does, and keeps it in the
// local registry.
func (a *azureServices) build(ctx context.Context, p stacks.Preparation) (map[string]plan.Image, error) {
	engine, err := docker.Connect(ctx, a.settings.Host, a.settings.Getenv)
	if err != nil {
		return nil, err
	}
	here := &local.Target{Engine: engine, Derived: a.own.Derived(), Registry: a.kept}
	p.Ref.Target = targetLocal
	return here.Prepare(ctx, p)
}

func (a *azureServices) Preview(ctx context.Context, r Request) (stacks.Result, error) {
	return a.Service.Preview(ctx, lifecycle.Request(r))
}

func (a *azureServices) Up(ctx context.Context, r Request) (stacks.Result, error) {
	return a.Service.Up(ctx, lifecycle.Request(r))
}

// Down also removes what `up --build` built here, where no local experiment has it.
func (a *azureServices) Down(ctx context.Context, r Request) (stacks.Result, error) {
	result, err := a.Service.Down(ctx, lifecycle.Request(r))
	if err == nil {
		err = a.forgetDues(r.Ref)
	}
	if err == nil && !r.KeepData {
		if left := a.removeBuilt(ctx, r.Ref); left != nil {
			result.Warnings = append(result.Warnings, fmt.Sprintf("images that were built here may be left: %v", left))
		}
	}
	return result, err
}

// Status also leaves the receipts that a promote could not leave in the registry.
func (a *azureServices) Status(ctx context.Context, ref stacks.Ref) (stacks.Result, error) {
	result, err := a.Service.Status(ctx, ref)
	if err == nil {
		_, owed := a.leaveReceipts(ctx, ref)
		result.Warnings = append(result.Warnings, owed...)
	}
	return result, err
}

func (a *azureServices) removeBuilt(ctx context.Context, ref stacks.Ref) error {
	ref.Target = targetLocal
	if _, known, err := a.own.Load(ref); known || err != nil {
		return err
	}
	engine, err := docker.Connect(ctx, a.settings.Host, a.settings.Getenv)
	if unavailable := (*docker.UnavailableError)(nil); errors.As(err, &unavailable) {
		return errors.Join(a.kept.Store.RemoveInstance(ctx, ref.Experiment, ref.Instance), a.kept.Clean(ctx))
	}
	if err != nil {
		return err
	}
	here := &local.Target{Engine: engine, Derived: a.own.Derived(), Registry: a.kept}
	states, err := here.States(ctx)
	if _, runs := states[ref]; runs || err != nil {
		return err
	}
	_, err = here.Sweep(ctx, ref, false)
	return err
}
