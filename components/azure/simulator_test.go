package azure_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/armsim"
	imagecopy "github.com/envctl/envctl/components/azure/copy"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/azure/provider"
	"github.com/envctl/envctl/components/azure/steward"
	"github.com/envctl/envctl/local/registry"
)

// live stands for the engine with the providers of envctl behind it, which make
// everything in a simulated subscription.
type live struct {
	t       *testing.T
	client  *arm.Client
	servers map[string]pulumirpc.ResourceProviderServer // by package
	host    string                                      // of the local registry

	mu  sync.Mutex
	ids map[string]string // by type and name
}

func newLive(t *testing.T) (*live, *armsim.Simulator) {
	t.Helper()
	sim, err := armsim.New(armsim.Options{Delay: time.Millisecond, OddCase: true})
	must(t, err)
	t.Cleanup(sim.Close)
	_, err = sim.Start(t.Context())
	must(t, err)
	env := sim.Env()
	l := &live{t: t, servers: map[string]pulumirpc.ResourceProviderServer{}, ids: map[string]string{}}
	l.client, err = arm.Connect(t.Context(), arm.Options{Getenv: func(key string) string { return env[key] }, Poll: time.Millisecond})
	must(t, err)
	l.servers[provider.Name], err = provider.New(provider.Options{
		Connect: func(context.Context) (provider.Client, error) { return l.client, nil }, Poll: time.Millisecond,
	})
	must(t, err)
	l.servers["envctl"], err = imagecopy.New(imagecopy.Options{
		Client: func(context.Context) (*arm.Client, error) { return l.client, nil }, Poll: time.Millisecond,
	})
	must(t, err)
	store, err := registry.Open(filepath.Join(t.TempDir(), "registry"))
	must(t, err)
	served := httptest.NewServer(store.Handler(registry.Options{}))
	t.Cleanup(served.Close)
	l.host = strings.TrimPrefix(served.URL, "http://")
	return l, sim
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// push puts an image into the local registry and says where it is.
func (l *live) push(repository string, image v1.Image) azure.ImageSource {
	l.t.Helper()
	digest, err := image.Digest()
	must(l.t, err)
	ref, err := name.NewDigest(l.host + "/" + repository + "@" + digest.String())
	must(l.t, err)
	must(l.t, remote.Write(ref, image, remote.WithContext(l.t.Context())))
	return azure.ImageSource{Source: ref.String(), Digest: digest.String(), Repository: repository}
}

// prepare gives a stack what is really there.
func (l *live) prepare(stack *azure.Stack) {
	stack.Settings.Subscription, stack.Settings.BudgetStart = l.client.Subscription(), time.Now()
	stack.Names = names.New(names.Owner{Subscription: l.client.Subscription(), Experiment: "exp", Instance: "dev"}, stack.Ground != nil)
	for workload := range stack.Images {
		image, err := random.Image(256, 1)
		must(l.t, err)
		stack.Images[workload] = l.push("exp/"+workload, image)
	}
	image, err := steward.Image(steward.Arch)
	must(l.t, err)
	stack.Steward = l.push(names.StewardRepository, image)
}

func (l *live) server(token string) (pulumirpc.ResourceProviderServer, error) {
	pkg, _, _ := strings.Cut(token, ":")
	if s, ok := l.servers[pkg]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("no provider for %s", token)
}

// NewResource checks and creates, as the engine does; secrets are in clear for a
// provider that does not say it takes them.
func (l *live) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	switch {
	case !args.Custom:
		return "", args.Inputs, nil
	case strings.HasPrefix(args.TypeToken, "random:"):
		out := args.Inputs.Copy()
		out["result"] = resource.MakeSecret(resource.NewProperty("random"))
		return "none", out, nil
	}
	server, err := l.server(args.TypeToken)
	if err != nil {
		return "", nil, err
	}
	urn := "urn:pulumi:exp.dev.azure::project::" + args.TypeToken + "::" + args.Name
	news, err := plugin.MarshalProperties(args.Inputs, plugin.MarshalOptions{})
	if err != nil {
		return "", nil, err
	}
	ctx := l.t.Context()
	checked, err := server.Check(ctx, &pulumirpc.CheckRequest{Urn: urn, News: news, RandomSeed: []byte("seed")})
	if err != nil {
		return "", nil, err
	}
	for _, f := range checked.GetFailures() {
		return "", nil, fmt.Errorf("%s: %s: %s", urn, f.GetProperty(), f.GetReason())
	}
	made, err := server.Create(ctx, &pulumirpc.CreateRequest{Urn: urn, Properties: checked.GetInputs()})
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", urn, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids[short(args.TypeToken)+" "+args.Name] = made.GetId()
	out, err := unmarshal(made.GetProperties())
	return made.GetId(), out, err
}

func unmarshal(s *structpb.Struct) (resource.PropertyMap, error) {
	return plugin.UnmarshalProperties(s, plugin.MarshalOptions{KeepSecrets: true, KeepUnknowns: true, KeepResources: true})
}

func (l *live) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	server, err := l.server(args.Token)
	if err != nil {
		return nil, err
	}
	in, err := plugin.MarshalProperties(args.Args, plugin.MarshalOptions{})
	if err != nil {
		return nil, err
	}
	answer, err := server.Invoke(l.t.Context(), &pulumirpc.InvokeRequest{Tok: args.Token, Args: in})
	if err != nil {
		return nil, err
	}
	for _, f := range answer.GetFailures() {
		return nil, fmt.Errorf("%s: %s", args.Token, f.GetReason())
	}
	return unmarshal(answer.GetReturn())
}

// The simulated Azure takes every program as a whole, with real images.
func TestProgramsAtTheSimulator(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"full", "firewall", "plain"} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			l, sim := newLive(t)
			out, err := scenarios()[scenario].runOn(t, l, l.prepare)
			if err != nil {
				t.Fatal(err)
			}
			if registry, _ := out["registry"].(string); registry == "" || out["environment"] != "exp-dev" {
				t.Errorf("outputs %v", out)
			}
			m, _, err := scenarios()[scenario].run(t)
			if err != nil {
				t.Fatal(err)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, r := range m.made {
				if what := short(r.Type) + " " + r.Name; l.ids[what] == "" && short(r.Type) != "Experiment" && short(r.Type) != "RandomPassword" {
					t.Errorf("%s was not made", what)
				}
			}
			left, err := sim.Leftovers()
			if err != nil || len(left) == 0 {
				t.Errorf("leftovers %q, %v: the simulator knows of nothing that was made", left, err)
			}
		})
	}
}

// An experiment stands on what the platform's own program made.
func TestAPlatformAndItsExperimentAtTheSimulator(t *testing.T) {
	t.Parallel()
	l, _ := newLive(t)
	platform, err := scenarios()["platform"].runOn(t, l, func(s *azure.Stack) {
		l.prepare(s)
		s.Names = names.New(names.Owner{Subscription: l.client.Subscription(), Experiment: "team", Instance: "default"}, false)
	})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := platform["models"].(map[string]any)["chat"].(string)
	s := scenarios()["on-platform"]
	s.yaml = strings.Replace(s.yaml, "models: [c]", "models: [chat]", 1)
	s.ground = &azure.Ground{
		ResourceGroup: "envctl-team-default", RegistryID: l.ids["Registry registry"], LoginServer: platform["registry"].(string),
		Environment: platform["environment"].(string), EnvironmentID: l.ids["ManagedEnvironment environment"],
		AccountID: l.ids["Account models"], Endpoint: endpoint, Models: map[string]azure.SharedModel{"chat": {Deployment: "chat"}},
	}
	out, err := s.runOn(t, l, l.prepare)
	if err != nil {
		t.Fatal(err)
	}
	if out["registry"] != platform["registry"] || out["models"].(map[string]any)["chat"] != endpoint {
		t.Errorf("outputs %v on the platform %v", out, platform)
	}
}
