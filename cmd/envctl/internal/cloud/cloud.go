// Package cloud connects this program to Azure, or to the simulator of it, and
// builds what the Azure target works with there.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/arm"
	imagecopy "github.com/envctl/envctl/components/azure/copy"
	"github.com/envctl/envctl/components/azure/provider"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/registry"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
)

// Options say what to connect to.
type Options struct {
	Getenv func(string) string
	// Azure is targets.azure of the definition; nil: the environment decides alone.
	Azure *definition.Azure
	// Record is a folder for the exchange with Resource Manager, redacted; empty: none.
	Record string
	// Simulate is the folder of the simulator; empty: Azure itself.
	Simulate string
	// Engine runs the simulated apps.
	Engine func(context.Context) (*docker.Engine, error)
	// Background is a program and arguments that run [Serve] for the simulator's folder
	// and the engine's address, which are added to them.
	Background []string
	// Registry keeps the images that were built.
	Registry *registry.Service
	// Notice tells people something while an operation is under way.
	Notice func(string)
}

// The waits between two looks at an operation that is under way.
const (
	simulatedPoll = 20 * time.Millisecond
	providerPoll  = 5 * time.Second
)

// longWait is from when on people are told what is waited for.
const longWait = 5 * time.Second

// Cloud is a connection. Close it.
type Cloud struct {
	Client *arm.Client

	options Options
	closers []func() error
}

// Connect finds Azure and who asks; nothing is sent to Azure by it. With
// Options.Simulate it starts the simulator first.
func Connect(ctx context.Context, o Options) (*Cloud, error) {
	c := &Cloud{options: o}
	of := arm.Options{
		Getenv: o.Getenv, Record: o.Record,
		Waiting: func(why string, d time.Duration) {
			if d >= longWait {
				o.Notice(fmt.Sprintf("waiting %s: %s", d.Round(time.Second), why))
			}
		},
	}
	if o.Azure != nil {
		of.Subscription, of.Tenant = o.Azure.Subscription, o.Azure.Tenant
	}
	if o.Simulate != "" {
		simulated, err := c.simulate(ctx)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		of.Getenv = simulated
		of.Subscription, of.Tenant = "", "" // the simulator has one of each
	}
	var err error
	if c.Client, err = arm.Connect(ctx, of); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.closers = append(c.closers, c.Client.Close)
	return c, nil
}

// Close ends the connection, the recording and the simulator.
func (c *Cloud) Close() error {
	var errs error
	for i := len(c.closers) - 1; i >= 0; i-- {
		errs = errors.Join(errs, c.closers[i]())
	}
	c.closers = nil
	return errs
}

// Simulated says whether no Azure is behind it.
func (c *Cloud) Simulated() bool { return c.options.Simulate != "" }

// Target is the Azure target on this connection.
func (c *Cloud) Target() *azure.Target {
	return &azure.Target{
		Client: c.Client, Owner: who(c.options.Getenv), Warn: c.options.Notice,
		Images: azure.Images{
			Pushed: c.options.Registry.Store, Address: c.address, Steward: c.steward,
			Remove: func(ctx context.Context, loginServer, prefix string) (int, error) {
				return imagecopy.Remove(ctx, c.Client, loginServer, prefix)
			},
		},
	}
}

// address is where the local registry answers, which images are copied from.
func (c *Cloud) address(ctx context.Context, start bool) (string, error) {
	if !start {
		at, _ := c.options.Registry.Address()
		return at, nil
	}
	return c.options.Registry.Ensure(ctx)
}

// Native is the in-process azure-native provider for one stack.
func (c *Cloud) Native(ref stacks.Ref) func() (pulumirpc.ResourceProviderServer, error) {
	o := provider.Options{
		Connect: func(context.Context) (provider.Client, error) { return c.Client, nil },
		Owned: func(tags map[string]string) bool {
			return ref.Experiment != "" && tags[target.TagExperiment] == ref.Experiment && tags[target.TagInstance] == ref.Instance
		},
		Poll: providerPoll,
	}
	if c.Simulated() {
		o.Poll = simulatedPoll
	}
	if c.options.Azure != nil {
		o.Location = c.options.Azure.Location
	}
	return func() (pulumirpc.ResourceProviderServer, error) { return provider.New(o) }
}

// Copies is the in-process provider of copies of images.
func (c *Cloud) Copies() func() (pulumirpc.ResourceProviderServer, error) {
	o := imagecopy.Options{Client: func(context.Context) (*arm.Client, error) { return c.Client, nil }}
	if c.Simulated() {
		o.Poll = simulatedPoll
	}
	return func() (pulumirpc.ResourceProviderServer, error) { return imagecopy.New(o) }
}
