package provider_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	registry "github.com/pulumi/pulumi-azure-native-sdk/containerregistry/v2/v20230701"
	resources "github.com/pulumi/pulumi-azure-native-sdk/resources/v2/v20220901"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/components/azure/provider"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

func program(plan string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		tags := pulumi.StringMap{"owner": pulumi.String("me")}
		group, err := resources.NewResourceGroup(ctx, "group", &resources.ResourceGroupArgs{
			ResourceGroupName: pulumi.String("shop-dev"), Tags: tags,
		})
		if err != nil {
			return err
		}
		reg, err := registry.NewRegistry(ctx, "registry", &registry.RegistryArgs{
			ResourceGroupName: group.Name, RegistryName: pulumi.String("shopacr123"), Tags: tags,
			Sku: registry.SkuArgs{Name: pulumi.String(plan)},
		})
		if err != nil {
			return err
		}
		ctx.Export("login", reg.LoginServer)
		return nil
	}
}

// The engine itself, with Microsoft's typed packages as a program uses them:
// what is made is quiet in the next preview, what failed partly is updated and
// not made again, and what a lost state knew is taken over.
func TestUnderTheEngine(t *testing.T) {
	sim, err := armsim.New(armsim.Options{Delay: time.Millisecond, Faults: []fault.Fault{
		{Type: "Microsoft.ContainerRegistry/registries", Op: "put", Async: true, Code: "InternalServerError", Message: "The operation failed."},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	if _, err := sim.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	env := sim.Env()
	client, err := arm.Connect(t.Context(), arm.Options{Getenv: func(k string) string { return env[k] }, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ref := stacks.Ref{Experiment: "shop", Instance: "dev", Target: "azure"}
	eng := newEngine(t, client)
	_, changes, err := eng.Preview(t.Context(), ref, program("Basic"), stacks.Options{})
	if err != nil || changes.Create != 2 {
		t.Fatalf("the first preview: %+v, %v", changes, err)
	}
	if n := sim.Requests(); n.Writes != 0 {
		t.Errorf("the preview changed something: %+v", n)
	}
	if _, _, err := eng.Up(t.Context(), ref, program("Basic"), stacks.Options{}); err == nil {
		t.Fatal("the failed operation is not told")
	}
	if _, changes, err = eng.Up(t.Context(), ref, program("Basic"), stacks.Options{}); err != nil || changes.Update != 1 || changes.Create != 0 {
		t.Fatalf("the up after the failure: %+v, %v", changes, err)
	}
	for _, refresh := range []bool{false, true} {
		_, changes, err = eng.Preview(t.Context(), ref, program("Basic"), stacks.Options{Refresh: refresh})
		if err != nil || changes.Any() {
			t.Errorf("refresh %v: the preview after the up: %+v, %v", refresh, changes, err)
		}
	}
	if _, changes, err = eng.Up(t.Context(), ref, program("Standard"), stacks.Options{}); err != nil || changes.Update != 1 {
		t.Errorf("another plan: %+v, %v", changes, err)
	}
	out, _, err := eng.Outputs(t.Context(), ref)
	if err != nil || out["login"] == "" {
		t.Errorf("outputs %v, %v", out, err)
	}
	if _, changes, err = newEngine(t, client).Up(t.Context(), ref, program("Standard"), stacks.Options{}); err != nil || changes.Create != 2 {
		t.Errorf("with a state that was lost: %+v, %v", changes, err)
	}
	if _, err := eng.Destroy(t.Context(), ref, stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	if left, err := sim.Leftovers(); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func newEngine(t *testing.T, client *arm.Client) *engine.Engine {
	t.Helper()
	dir := t.TempDir()
	state := filepath.Join(dir, "pulumi")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	return engine.New(engine.Config{
		BackendURL: "file://" + state, WorkDir: dir, SaltFile: filepath.Join(dir, "salt"), Parallel: 4,
		Passphrase: func(context.Context) (string, error) { return "test", nil },
		Providers: map[string]engine.ProviderFactory{provider.Name: func() (pulumirpc.ResourceProviderServer, error) {
			return provider.New(provider.Options{
				Connect:  func(context.Context) (provider.Client, error) { return client, nil },
				Owned:    func(tags map[string]string) bool { return tags["owner"] == "me" },
				Location: "swedencentral", Poll: time.Millisecond,
			})
		}},
	})
}
