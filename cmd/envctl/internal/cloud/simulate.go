package cloud

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/bridge"
	"github.com/envctl/envctl/components/azure/armsim/runner"
	"github.com/envctl/envctl/local/docker"
)

// simulate starts the simulator and returns the environment that leads to it.
func (c *Cloud) simulate(ctx context.Context) (func(string) string, error) {
	engine, err := c.options.Engine(ctx)
	if err != nil {
		return nil, err
	}
	b := &background{process: &bridge.Process{
		Dir: c.options.Simulate, Command: append(c.options.Background[:len(c.options.Background):len(c.options.Background)], c.options.Simulate, engine.Host()),
	}}
	if b.apps, err = runner.New(runner.Options{Engine: engine, Dir: c.options.Simulate, Answer: b.ensure}); err != nil {
		return nil, err
	}
	c.closers = append(c.closers, b.apps.Close, func() error { return b.settle(context.WithoutCancel(ctx)) })
	sim, err := armsim.New(armsim.Options{Dir: c.options.Simulate, Runner: b.apps})
	if err != nil {
		return nil, fmt.Errorf("the Azure simulator in %s: %w", c.options.Simulate, err)
	}
	b.scheduled = sim.Scheduled
	if _, err := sim.Start(ctx); err != nil {
		return nil, fmt.Errorf("the Azure simulator in %s: %w", c.options.Simulate, err)
	}
	c.closers = append(c.closers, func() error { sim.Close(); return nil })
	return overlay(c.options.Getenv, sim.Env()), nil
}

// background is what answers simulated apps after this process has ended.
type background struct {
	mu      sync.Mutex
	process *bridge.Process
	apps    *runner.Runner
	// scheduled says whether a job waits for its time; nil: no simulator was made.
	scheduled func() (bool, error)
}

func (b *background) ensure(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.process.Ensure(ctx)
}

// settleTime bounds the last look of a command.
const settleTime = 10 * time.Second

// settle leaves the process running where apps need it, and ends it where none does.
func (b *background) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	needed, err := b.needed(ctx)
	if err != nil {
		return nil //nolint:nilerr // the command itself has met the engine, or needed none
	}
	if !needed {
		err = b.process.End(ctx)
		needed, _ = b.needed(ctx) // another command may have made an app meanwhile
	}
	if needed {
		err = errors.Join(err, b.ensure(ctx))
	}
	return err
}

// needed says whether an app asks something, or a job waits for its time.
func (b *background) needed(ctx context.Context) (bool, error) {
	asking, err := b.apps.Asking(ctx)
	if asking || err != nil || b.scheduled == nil {
		return asking, err
	}
	return b.scheduled()
}

// Serve answers what the apps of a simulator's folder ask, at an engine, until none
// is there any more or ctx ends.
func Serve(ctx context.Context, dir, host string, getenv func(string) string) error {
	return bridge.Serve(ctx, dir, func(ctx context.Context, ready func() error) error {
		engine, err := docker.Connect(ctx, host, getenv)
		if err != nil {
			return err
		}
		apps, err := runner.New(runner.Options{Engine: engine, Dir: dir})
		if err != nil {
			return errors.Join(err, engine.Close())
		}
		defer func() { _ = errors.Join(apps.Close(), engine.Close()) }()
		return work(ctx, dir, apps, ready)
	})
}

// work answers the apps and starts the jobs of a folder while there are any. It calls
// ready once it can.
func work(ctx context.Context, dir string, apps *runner.Runner, ready func() error) error {
	sim, err := armsim.New(armsim.Options{Dir: dir, Runner: apps})
	if err != nil {
		return err
	}
	answers, err := sim.Answers()
	if err != nil {
		return err
	}
	schedules, err := sim.Schedules(ctx, answers)
	if err != nil {
		return err
	}
	defer schedules.Close()
	if err := ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go schedules.Run(ctx)
	for {
		// Without an app that asks, it ends after two minutes, or with the folder.
		if err := apps.Bridge(ctx, answers); err != nil || ctx.Err() != nil {
			return err
		}
		if _, gone := os.Stat(dir); gone != nil {
			return nil
		}
		if scheduled, err := sim.Scheduled(); err != nil || !scheduled {
			return err
		}
		select { // another process may have taken over the apps
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// credentials are how the names of variables begin that say who asks where.
var credentials = []string{"ARM_", "AZURE_", "ENVCTL_AZURE_", "ACTIONS_ID_TOKEN_", "SYSTEM_", "IDENTITY_", "MSI_"}

// overlay puts variables over an environment, of which nothing is left that could
// lead to Azure itself.
func overlay(getenv func(string) string, over map[string]string) func(string) string {
	return func(name string) string {
		if value, ok := over[name]; ok {
			return value
		}
		for _, prefix := range credentials {
			if strings.HasPrefix(name, prefix) {
				return ""
			}
		}
		return getenv(name)
	}
}
