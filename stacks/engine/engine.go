// Package engine runs Pulumi operations inside this process: the Automation API
// on top of an [auto.PulumiCommand] that calls the engine and the self-managed
// ("diy") backend as libraries. No pulumi binary is started, no plugin is
// downloaded and nothing is logged in to, while stacks stay ordinary Pulumi
// stacks that the stock CLI can open.
//
// It is the only package that imports pulumi/pkg/v3, which promises no stable
// API: one exact version is pinned in go.mod.
package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/envctl/envctl/stacks"
)

// Project is the Pulumi project that every stack of envctl belongs to; the
// Pulumi.yaml of this repository has the same name.
const Project = "envctl"

// ProviderFactory makes a fresh provider server for one operation. A server
// that was told to cancel stays cancelled, so it is never used twice.
type ProviderFactory func() (pulumirpc.ResourceProviderServer, error)

// Config is what an [Engine] needs to know.
type Config struct {
	// BackendURL says where state is kept: file://, azblob://, s3:// or gs://.
	BackendURL string
	// Providers are the in-process providers by package name. A package that is
	// not here is left to Pulumi's own plugin resolution.
	Providers map[string]ProviderFactory
	// Passphrase returns what secrets in the state are encrypted with. It is
	// called only when a secret is really there.
	Passphrase func(context.Context) (string, error)
	// SaltFile keeps the salt that belongs to Passphrase, so that a key is
	// derived once for a machine and not once for each stack.
	SaltFile string
	// DerivedFile keeps, readable by its owner alone, the key that Passphrase and the
	// salt in SaltFile lead to, which takes 0.15 s of a processor to derive. It is as
	// good as the passphrase itself, so it belongs where that is; empty: each process
	// that meets a secret derives the key.
	DerivedFile string
	// WorkDir is an existing folder that operations run in; nothing of it is read.
	WorkDir string
	// Parallel bounds the resource operations under way at once; at least 1.
	Parallel int
	// Interrupted says that the last operation on a stack did not end by itself,
	// so a lock or pending operations that it left may be cleared.
	Interrupted func(stacks.Ref) bool
	// FinalState writes a stack's state once, when an operation ends, be it by an
	// interrupt, and not after each resource: for targets where what a killed
	// operation made is found and adopted without any state. It saves half of the
	// processor time of an up of 30 containers and two thirds of a down (0.75 to
	// 0.34 s, 1.1 to 0.4 s). One process has one value: Pulumi takes it from the
	// environment.
	FinalState bool
	// Interim, beside FinalState, bounds how long what an update has done may be in
	// no store: within that time it is written beside the state, and an update after
	// a kill goes on from there. 0: only the state is written.
	Interim time.Duration
}

// Engine implements [stacks.Engine].
type Engine struct {
	cfg     Config
	secrets *secretsProvider
	// onCommand, unless nil, gets every command line of the Automation API.
	onCommand func(args []string)
	// onInterim, unless nil, gets what the interim state of an update had at its end.
	onInterim func([]*resource.State)
}

var _ stacks.Engine = (*Engine)(nil)

// New returns an engine. It opens nothing.
func New(cfg Config) *Engine {
	if cfg.Parallel < 1 {
		cfg.Parallel = 1
	}
	_ = os.Setenv("PULUMI_SKIP_CHECKPOINTS", strconv.FormatBool(cfg.FinalState)) // a constant name is always accepted
	return &Engine{cfg: cfg, secrets: newSecretsProvider(cfg.Passphrase, cfg.SaltFile, cfg.DerivedFile)}
}

// Preview implements [stacks.Engine].
func (e *Engine) Preview(
	ctx context.Context, ref stacks.Ref, program pulumi.RunFunc, opts stacks.Options,
) ([]stacks.Step, stacks.Changes, error) {
	op := e.operation(ctx, ref, opts)
	op.log.preview = true
	stack, err := op.open(program, false)
	if auto.IsSelectStack404Error(err) {
		// A stack that does not exist is previewed in memory: nothing is saved.
		op.cmd.url, op.cmd.opened = "mem://", nil
		stack, err = op.open(program, true)
	}
	if err != nil {
		return nil, stacks.Changes{}, err
	}
	err = op.watch(func(ch chan<- events.EngineEvent) error {
		options := []optpreview.Option{optpreview.EventStreams(ch), optpreview.Parallel(e.cfg.Parallel)}
		if opts.Refresh {
			options = append(options, optpreview.Refresh())
		}
		_, err := stack.Preview(op.ctx, options...)
		return err
	})
	return op.steps(), op.changes(), err
}

// Up implements [stacks.Engine].
func (e *Engine) Up(
	ctx context.Context, ref stacks.Ref, program pulumi.RunFunc, opts stacks.Options,
) (map[string]any, stacks.Changes, error) {
	op := e.operation(ctx, ref, opts)
	stack, err := op.open(program, true)
	if err != nil {
		return nil, stacks.Changes{}, err
	}
	err = op.watch(func(ch chan<- events.EngineEvent) error {
		// Not ContinueOnError: with it, Pulumi dereferences nil where outputs cannot
		// be recorded (cancelDueToError, pkg v3.259.0), as on a full disk. What is
		// under way when a resource fails ends by itself and is recorded all the same.
		options := []optup.Option{optup.EventStreams(ch), optup.Parallel(e.cfg.Parallel), optup.ShowSecrets(false)}
		if opts.Refresh {
			options = append(options, optup.Refresh())
		}
		_, err := stack.Up(op.ctx, options...)
		return err
	})
	if err != nil {
		return nil, op.changes(), err
	}
	out, err := op.outputs()
	return out, op.changes(), err
}

// Destroy implements [stacks.Engine].
func (e *Engine) Destroy(ctx context.Context, ref stacks.Ref, opts stacks.Options) (stacks.Changes, error) {
	op := e.operation(ctx, ref, opts)
	stack, err := op.open(nil, false)
	if auto.IsSelectStack404Error(err) {
		return stacks.Changes{}, op.cmd.dropRemains(op.ctx, ref.String())
	}
	if err != nil {
		return stacks.Changes{}, err
	}
	if len(opts.Keep) > 0 {
		if err := op.cmd.forget(op.ctx, ref.String(), opts.Keep); err != nil {
			return stacks.Changes{}, err
		}
	}
	err = op.watch(func(ch chan<- events.EngineEvent) error {
		options := []optdestroy.Option{
			optdestroy.EventStreams(ch), optdestroy.Parallel(e.cfg.Parallel), optdestroy.ShowSecrets(false),
			optdestroy.ContinueOnError(),
		}
		if opts.Refresh {
			options = append(options, optdestroy.Refresh())
		}
		_, err := stack.Destroy(op.ctx, options...)
		return err
	})
	if err != nil {
		return op.changes(), err
	}
	if err := stack.Workspace().RemoveStack(op.ctx, ref.String()); err != nil {
		return op.changes(), err
	}
	return op.changes(), op.cmd.dropRemains(op.ctx, ref.String())
}

// Outputs implements [stacks.Engine].
func (e *Engine) Outputs(ctx context.Context, ref stacks.Ref) (map[string]any, bool, error) {
	out, err := e.operation(ctx, ref, stacks.Options{}).outputs()
	if errors.Is(err, errNoStack) {
		return nil, false, nil
	}
	return out, err == nil, err
}

// Generated implements [stacks.Engine].
func (e *Engine) Generated(ctx context.Context, ref stacks.Ref) (map[string]string, error) {
	op := e.operation(ctx, ref, stacks.Options{})
	raw, err := op.cmd.outputs(op.ctx, ref.String(), true)
	if errors.Is(err, errNoStack) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out struct {
		Generated map[string]string `json:"generated"`
	}
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		return nil, fmt.Errorf("reading the generated secrets of %s: %w", ref, err)
	}
	return out.Generated, nil
}

// IDs implements [stacks.Engine].
func (e *Engine) IDs(ctx context.Context, ref stacks.Ref) ([]string, error) {
	op := e.operation(ctx, ref, stacks.Options{})
	ids, err := op.cmd.ids(op.ctx, ref.String())
	if errors.Is(err, errNoStack) {
		return nil, nil
	}
	return ids, err
}

// List implements [stacks.Engine]. A stack of the project whose name is not
// EXPERIMENT.INSTANCE.TARGET was not made by envctl and is left out.
func (e *Engine) List(ctx context.Context) ([]stacks.Ref, error) {
	names, err := newCommand(e, ctx).list(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]stacks.Ref, 0, len(names))
	for _, name := range names {
		if ref, err := stacks.ParseRef(name); err == nil {
			out = append(out, ref)
		}
	}
	return out, nil
}
