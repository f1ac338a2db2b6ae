package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/proto"
	pbempty "google.golang.org/protobuf/types/known/emptypb"

	"github.com/envctl/envctl/stacks/engine"
)

// world is where the fake provider makes things. It outlives provider servers,
// which live for one operation each.
type world struct {
	mu      sync.Mutex
	things  map[string]int // by name: how often it was made
	blocked chan string    // names of things whose making waits for a cancellation
	slow    chan struct{}  // closed when making a slow thing has begun
	hook    func()         // called when a thing that says so is made
	failed  chan struct{}  // closed when a thing has failed, which a slow one waits for
	servers map[*fake]bool // that were made: true where told to cancel
}

func newWorld() *world {
	return &world{
		things: map[string]int{}, blocked: make(chan string, 16), servers: map[*fake]bool{},
		slow: make(chan struct{}), failed: make(chan struct{}),
	}
}

// provider is the factory of the package "fake".
func (w *world) provider() (pulumirpc.ResourceProviderServer, error) {
	f := &fake{world: w, cancelled: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers[f] = false
	return f, nil
}

// made are the things that are there.
func (w *world) made() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.things)
}

// fake is a provider of things. What a thing does when it is made is its input
// "do": nothing, "fail", "make, then delete" and
// "delete, then make" to be replaced, "hook" to call the test, "block" until the provider is told to cancel, or "fail
// beside" a "slow" one.
type fake struct {
	pulumirpc.UnimplementedResourceProviderServer
	world     *world
	once      sync.Once
	cancelled chan struct{}
}

func (*fake) GetPluginInfo(context.Context, *pbempty.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "1.0.0"}, nil
}

func (*fake) CheckConfig(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: r.News}, nil
}

func (*fake) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{}, nil
}

func (*fake) Configure(context.Context, *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

func (*fake) Check(_ context.Context, r *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: r.News}, nil
}

func (*fake) Diff(_ context.Context, r *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	if proto.Equal(r.OldInputs, r.News) {
		return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
	}
	do := r.News.Fields["do"].GetStringValue()
	out := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_SOME, DeleteBeforeReplace: do == "delete, then make"}
	if do == "make, then delete" || out.DeleteBeforeReplace {
		out.Replaces = []string{"do"}
	}
	return out, nil
}

var errNoRoom = errors.New("there is no room for it: 3 of 3 places are taken")

func (f *fake) Create(ctx context.Context, r *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	if r.Preview {
		return &pulumirpc.CreateResponse{Properties: r.Properties}, nil
	}
	switch r.Properties.Fields["do"].GetStringValue() {
	case "fail":
		return nil, errNoRoom
	case "hook":
		f.world.hook()
	case "make, then delete", "delete, then make":
		f.world.mu.Lock()
		defer f.world.mu.Unlock()
		f.world.things[r.Name]++
		return &pulumirpc.CreateResponse{Id: fmt.Sprintf("id-%s-%d", r.Name, f.world.things[r.Name]), Properties: r.Properties}, nil
	case "slow":
		close(f.world.slow)
		<-f.world.failed
		time.Sleep(50 * time.Millisecond) // so that the failure is known before this ends
	case "fail beside":
		<-f.world.slow
		defer close(f.world.failed)
		return nil, errNoRoom
	case "block":
		f.world.blocked <- r.Name
		select {
		case <-f.cancelled:
			return nil, errors.New("told to stop while making it")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	f.world.things[r.Name]++
	return &pulumirpc.CreateResponse{Id: "id-" + r.Name, Properties: r.Properties}, nil
}

func (*fake) Read(_ context.Context, r *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	return &pulumirpc.ReadResponse{Id: r.Id, Properties: r.Properties, Inputs: r.Inputs}, nil
}

func (*fake) Update(_ context.Context, r *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	return &pulumirpc.UpdateResponse{Properties: r.News}, nil
}

func (f *fake) Delete(_ context.Context, r *pulumirpc.DeleteRequest) (*pbempty.Empty, error) {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	delete(f.world.things, r.Name)
	return &pbempty.Empty{}, nil
}

func (f *fake) Cancel(context.Context, *pbempty.Empty) (*pbempty.Empty, error) {
	f.once.Do(func() { close(f.cancelled) })
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	f.world.servers[f] = true
	return &pbempty.Empty{}, nil
}

// thing is one resource of a program.
type thing struct {
	name, do string
	secret   string // an input that is secret; empty: none
}

// of returns a program that makes things.
func of(things ...thing) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		for _, th := range things {
			inputs := pulumi.Map{"do": pulumi.String(th.do)}
			if th.secret != "" {
				inputs["secret"] = pulumi.ToSecret(pulumi.String(th.secret))
			}
			var made pulumi.CustomResourceState
			if err := ctx.RegisterResource("fake:index/thing:Thing", th.name, inputs, &made); err != nil {
				return err
			}
		}
		return nil
	}
}

// withWorld lets the engine of a test make things.
func withWorld(w *world) func(*engine.Config) {
	return func(c *engine.Config) {
		c.Providers = map[string]engine.ProviderFactory{"fake": w.provider}
	}
}

// dead is the ID of a process that has ended.
func dead(t *testing.T) int {
	t.Helper()
	return run(t, "true")
}
