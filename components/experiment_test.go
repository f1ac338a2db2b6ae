package components_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/components/random"
)

const sum = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// mocks stand for the engine: every resource is made as it was asked for, and a
// password gets a value.
type mocks struct {
	mu        sync.Mutex
	resources []pulumi.MockResourceArgs
}

func (m *mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resources = append(m.resources, args)
	out := args.Inputs.Copy()
	if args.TypeToken == "random:index/randomPassword:RandomPassword" {
		out["result"] = resource.MakeSecret(resource.NewProperty("generated-" + args.Name))
	}
	return args.Name + "-id", out, nil
}

func (*mocks) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

func (m *mocks) byType(token string) []pulumi.MockResourceArgs {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.resources), func(r pulumi.MockResourceArgs) bool { return r.TypeToken != token })
}

// target notes what it is asked to make, in order.
type target struct {
	mu    sync.Mutex
	calls []string
	work  map[string]components.Workload
	fail  string // the workload that cannot be made
}

type ground struct{}

func (ground) Name() pulumi.StringOutput     { return pulumi.String("the-network").ToStringOutput() }
func (ground) Registry() pulumi.StringOutput { return pulumi.String("").ToStringOutput() }
func (ground) Generated() pulumi.StringMap   { return nil }
func (ground) Models() pulumi.StringMap {
	return pulumi.StringMap{"chat": pulumi.String("http://models")}
}

func (t *target) Environment(_ *pulumi.Context, spec plan.Spec, _ pulumi.Resource) (components.Environment, error) {
	t.calls = append(t.calls, "environment of "+spec.Experiment)
	if t.fail == "environment" {
		return nil, errors.New("no ground")
	}
	return ground{}, nil
}

func (t *target) App(
	ctx *pulumi.Context, _ components.Environment, w components.Workload, parent pulumi.Resource,
) (components.Part, error) {
	return t.part(ctx, "app", w, parent)
}

func (t *target) Job(
	ctx *pulumi.Context, _ components.Environment, w components.Workload, parent pulumi.Resource,
) (components.Part, error) {
	return t.part(ctx, "job", w, parent)
}

func (t *target) part(ctx *pulumi.Context, kind string, w components.Workload, parent pulumi.Resource) (components.Part, error) {
	t.calls = append(t.calls, kind+" "+w.Name)
	if t.fail == w.Name {
		return components.Part{}, errors.New("it cannot be made")
	}
	t.work[w.Name] = w
	var made pulumi.CustomResourceState
	err := ctx.RegisterResource("fake:index/thing:Thing", w.Name, pulumi.Map{}, &made, pulumi.Parent(parent))
	return components.Part{
		Resource: &made, URL: pulumi.String("http://" + w.Name).ToStringOutput(), Image: pulumi.String(w.Image.Ref).ToStringOutput(),
	}, err
}

// settled is a plan in which web needs api, and api and the job need store.
func settled(t *testing.T) *plan.Plan {
	t.Helper()
	port := &definition.Ingress{Port: 80}
	work := func(needs ...string) definition.Workload {
		return definition.Workload{Image: "x", CPU: 0.5, Memory: 1 << 30, Needs: needs}
	}
	api, job := work("store"), work("store")
	api.Secrets = map[string]string{"DB_PASSWORD": "db", "KEY": "key"}
	job.Secrets = map[string]string{"PASSWORD": "db"}
	def := &definition.Definition{
		Name: "exp",
		Apps: map[string]definition.App{
			"web": {Workload: work("api", "store")}, "api": {Workload: api, Ingress: port}, "store": {Workload: work(), Ingress: port},
		},
		Jobs: map[string]definition.Job{"analyze": {Workload: job}},
	}
	images := map[string]plan.Image{}
	for _, name := range []string{"web", "api", "store", "analyze"} {
		images[name] = plan.Image{Ref: name + "@" + sum}
	}
	p, err := plan.New(def, plan.Options{Instance: "default", Target: "local", Images: images})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// values are what every secret of [settled] is.
func values() map[string]components.SecretSource {
	return map[string]components.SecretSource{"db": {Generate: 24}, "key": {Value: "from-the-caller"}}
}

func TestAnExperimentIsMadeInTheOrderOfItsNeeds(t *testing.T) {
	t.Parallel()
	m, made := &mocks{}, &target{work: map[string]components.Workload{}}
	args := components.ExperimentArgs{Plan: settled(t), Target: made, Secrets: values()}
	if err := pulumi.RunErr(components.Program(args), pulumi.WithMocks("envctl", "exp.default.local", m)); err != nil {
		t.Fatal(err)
	}
	want := []string{"environment of exp", "app store", "job analyze", "app api", "app web"}
	slices.Sort(made.calls[2:4]) // of one level, in any order
	slices.Sort(want[2:4])
	if !slices.Equal(made.calls, want) {
		t.Errorf("made %q", made.calls)
	}
	for name, needs := range map[string]int{"store": 0, "api": 1, "analyze": 1, "web": 2} {
		if got := made.work[name].Needs; len(got) != needs {
			t.Errorf("%s waits for %d resources, want %d", name, len(got), needs)
		}
	}
	experiment := m.byType(components.ExperimentType)
	if len(experiment) != 1 || experiment[0].Name != "exp" || experiment[0].Custom {
		t.Errorf("the component: %+v", experiment)
	}
	for _, r := range m.byType("fake:index/thing:Thing") {
		if !strings.HasSuffix(r.RegisterRPC.Parent, components.ExperimentType+"::exp") {
			t.Errorf("%s has the parent %s", r.Name, r.RegisterRPC.Parent)
		}
	}
}

func TestSecretsReachOnlyThoseThatNameThem(t *testing.T) {
	t.Parallel()
	m, made := &mocks{}, &target{work: map[string]components.Workload{}}
	args := components.ExperimentArgs{Plan: settled(t), Target: made, Secrets: values()}
	var mu sync.Mutex
	var wg sync.WaitGroup // of values to come
	got := map[string]string{}
	program := func(ctx *pulumi.Context) error {
		e, err := components.NewExperiment(ctx, "exp", args)
		if err != nil {
			return err
		}
		for name, w := range made.work {
			for variable, value := range w.SecretEnv {
				out := value.ToStringOutput()
				wg.Add(1)
				out.ApplyT(func(v string) string {
					defer wg.Done()
					mu.Lock()
					defer mu.Unlock()
					got[name+"."+variable] = fmt.Sprintf("%s %t", v, pulumi.IsSecret(out))
					return v
				})
			}
		}
		generated, ok := e.Outputs["generated"].(pulumi.Output)
		if !ok || !pulumi.IsSecret(generated) {
			t.Errorf("the generated secrets are no secret: %T", e.Outputs["generated"])
			return nil
		}
		wg.Add(1)
		generated.ApplyT(func(v any) any {
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			got["generated"] = fmt.Sprint(v)
			return v
		})
		return nil
	}
	if err := pulumi.RunErr(program, pulumi.WithMocks("envctl", "exp.default.local", m)); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	want := map[string]string{
		"api.DB_PASSWORD": "generated-db true", "api.KEY": "from-the-caller true", "analyze.PASSWORD": "generated-db true",
		"generated": "map[db:generated-db]",
	}
	if !maps.Equal(got, want) {
		t.Errorf("secrets:\n%v\nwant\n%v", got, want)
	}
	passwords := m.byType("random:index/randomPassword:RandomPassword")
	if len(passwords) != 1 { // two workloads share it, and what the caller gives is not generated
		t.Fatalf("%d passwords", len(passwords))
	}
	in := passwords[0]
	if in.Name != "db" || in.Inputs["length"].NumberValue() != 24 || in.Inputs["special"].BoolValue() ||
		in.RegisterRPC.Version != random.Version || !slices.Contains(in.RegisterRPC.AdditionalSecretOutputs, "result") {
		t.Errorf("the password: %+v, version %q", in.Inputs, in.RegisterRPC.Version)
	}
}

func TestOutputsHaveTheSameKeysOnEveryTarget(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		secrets map[string]components.SecretSource
		want    []string
	}{
		"generated": {values(), []string{"apps", "environment", "generated", "jobs", "models", "registry"}},
		"given": {map[string]components.SecretSource{"db": {Value: "a"}, "key": {Value: "b"}},
			[]string{"apps", "environment", "jobs", "models", "registry"}},
	} {
		args := components.ExperimentArgs{
			Plan: settled(t), Target: &target{work: map[string]components.Workload{}}, Secrets: tt.secrets,
		}
		parts := map[string]any{}
		var mu sync.Mutex
		var wg sync.WaitGroup // of values to come
		program := func(ctx *pulumi.Context) error {
			e, err := components.NewExperiment(ctx, "exp", args)
			if err != nil {
				return err
			}
			if got := slices.Sorted(maps.Keys(e.Outputs)); !slices.Equal(got, tt.want) {
				t.Errorf("%s: outputs are %v, want %v", name, got, tt.want)
			}
			for _, key := range []string{"apps", "jobs", "models", "registry", "environment"} {
				wg.Add(1)
				pulumi.ToOutput(e.Outputs[key]).ApplyT(func(v any) any {
					defer wg.Done()
					mu.Lock()
					defer mu.Unlock()
					parts[key] = v
					return v
				})
			}
			return nil
		}
		if err := pulumi.RunErr(program, pulumi.WithMocks("envctl", "exp.default.local", &mocks{})); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wg.Wait()
		if want := fmt.Sprint(map[string]any{
			"apps": map[string]any{
				"api":   map[string]any{"image": "api@" + sum, "url": "http://api"},
				"store": map[string]any{"image": "store@" + sum, "url": "http://store"},
				"web":   map[string]any{"image": "web@" + sum, "url": "http://web"},
			},
			"jobs":   map[string]any{"analyze": map[string]any{"image": "analyze@" + sum}},
			"models": map[string]any{"chat": "http://models"}, "registry": "", "environment": "the-network",
		}); fmt.Sprint(parts) != want {
			t.Errorf("%s:\n%v\nwant\n%v", name, parts, want)
		}
	}
}

func TestWhatCannotBeMadeIsNamed(t *testing.T) {
	t.Parallel()
	noKey := values()
	delete(noKey, "key")
	for want, args := range map[string]components.ExperimentArgs{
		`app "api": it cannot be made`:     {Target: &target{fail: "api"}, Secrets: values()},
		`job "analyze": it cannot be made`: {Target: &target{fail: "analyze"}, Secrets: values()},
		`environment: no ground`:           {Target: &target{fail: "environment"}, Secrets: values()},
		`secret "key" has no value`:        {Target: &target{}, Secrets: noKey},
	} {
		args.Plan = settled(t)
		args.Target.(*target).work = map[string]components.Workload{}
		err := pulumi.RunErr(components.Program(args), pulumi.WithMocks("envctl", "exp.default.local", &mocks{}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
