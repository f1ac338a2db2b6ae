package cloud

import (
	"context"
	"fmt"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/runner"
)

// simulate starts the simulator and returns the environment that leads to it.
func (c *Cloud) simulate(ctx context.Context) (func(string) string, error) {
	engine, err := c.options.Engine(ctx)
	if err != nil {
		return nil, err
	}
	apps, err := runner.New(runner.Options{Engine: engine, Dir: c.options.Simulate})
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, apps.Close)
	sim, err := armsim.New(armsim.Options{Dir: c.options.Simulate, Runner: &unreached{Runner: apps, notice: c.options.Notice}})
	if err != nil {
		return nil, fmt.Errorf("the Azure simulator in %s: %w", c.options.Simulate, err)
	}
	if _, err := sim.Start(ctx); err != nil {
		return nil, fmt.Errorf("the Azure simulator in %s: %w", c.options.Simulate, err)
	}
	c.closers = append(c.closers, func() error { sim.Close(); return nil })
	return overlay(c.options.Getenv, sim.Env()), nil
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
