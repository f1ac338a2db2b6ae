package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/service"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/state"
)

// modelsScope is what a token for Azure OpenAI is asked for.
const modelsScope = "https://cognitiveservices.azure.com/.default"

// newModelsService is the background process that answers for the models of an
// instance.
func newModelsService(dir *state.Dir, ref stacks.Ref) (*service.Service, error) {
	path, err := dir.Models(ref)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which answers for models: %w", err)
	}
	return &service.Service{Dir: path, Command: []string{self, "models", "serve"}}, nil
}

// modelsOptions are what that process needs. done ends what was begun.
func modelsOptions(getenv func(string) string) (o service.Options, done func(), err error) {
	self, err := json.Marshal(state.Self())
	if err != nil {
		return service.Options{}, nil, err
	}
	credentials := &modelCredentials{getenv: getenv}
	return service.Options{
		Getenv: getenv, Now: time.Now, Self: string(self), Alive: processAlive,
		Connect: func(ctx context.Context, host string) (service.Engine, error) {
			engine, err := docker.Connect(ctx, host, getenv)
			if err != nil {
				return nil, err
			}
			return service.Docker{Engine: engine}, nil
		},
		Credential: credentials.token,
	}, credentials.close, nil
}

// processAlive says whether a process of a ledger still runs.
func processAlive(owner string) bool {
	var p state.Process
	return json.Unmarshal([]byte(owner), &p) == nil && p.Alive()
}

// modelCredentials are the developer's own. They stay in this process.
type modelCredentials struct {
	getenv func(string) string

	mu    sync.Mutex
	azure *arm.Client // nil: not needed yet
}

func (c *modelCredentials) token(ctx context.Context, s service.Settings) (string, error) {
	if s.Provider != models.ProviderAzure {
		return c.getenv("OPENAI_API_KEY"), nil
	}
	client, err := c.connect(ctx, s)
	if err != nil {
		return "", err
	}
	token, err := client.Token(ctx, modelsScope)
	return token.Token, err
}

func (c *modelCredentials) connect(ctx context.Context, s service.Settings) (*arm.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.azure == nil {
		client, err := arm.Connect(ctx, arm.Options{Getenv: c.getenv, Subscription: s.Subscription, Tenant: s.Tenant})
		if err != nil {
			return nil, err
		}
		c.azure = client
	}
	return c.azure, nil
}

func (c *modelCredentials) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.azure != nil {
		_ = c.azure.Close() // nothing is recorded
	}
}

// modelServers implements [local.Models] with a background process an instance.
type modelServers struct {
	dir    *state.Dir
	getenv func(string) string
}

// Ensure implements [local.Models]; a definition without models ends the process.
func (m modelServers) Ensure(ctx context.Context, ref stacks.Ref, def *definition.Definition, gateway string) error {
	v, err := newModelsService(m.dir, ref)
	if err != nil {
		return err
	}
	path, err := m.dir.Ledger(ref)
	if err != nil {
		return err
	}
	settings, ok := service.SettingsOf(def, gateway, path, m.getenv)
	if !ok {
		return v.Stop(ctx)
	}
	return v.Ensure(ctx, settings)
}

// End implements [local.Models]. The ledger of the running month stays, so that down
// and up do not reset a budget.
func (m modelServers) End(ctx context.Context, ref stacks.Ref) error {
	v, err := newModelsService(m.dir, ref)
	if err != nil {
		return err
	}
	path, err := m.dir.Ledger(ref)
	if err != nil {
		return err
	}
	return errors.Join(v.Stop(ctx), ledger.Prune(ctx, path, time.Now()))
}
