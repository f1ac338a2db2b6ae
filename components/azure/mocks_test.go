package azure_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
)

const (
	subscription = "00000000-0000-0000-0000-000000000001"
	sum          = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	stewardSum   = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// made is one resource as the program registered it.
type made struct {
	Type, Name string
	Inputs     resource.PropertyMap
	// After are the names of what it waits for.
	After []string
	// Options that matter to a provider.
	ReplaceOnChanges, SecretOutputs []string
	DeleteBeforeReplace             bool
	Aliases                         []string
	Version                         string
}

// mocks stand for the engine and the provider: every resource gets an id, and
// the outputs that the program goes on with.
type mocks struct {
	mu    sync.Mutex
	made  []made
	names map[string]string // URN to name
}

func (m *mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rpc := args.RegisterRPC
	one := made{
		Type: args.TypeToken, Name: args.Name, Inputs: args.Inputs.Copy(), ReplaceOnChanges: rpc.GetReplaceOnChanges(),
		SecretOutputs: rpc.GetAdditionalSecretOutputs(), DeleteBeforeReplace: rpc.GetDeleteBeforeReplace(), Version: rpc.GetVersion(),
	}
	for _, urn := range rpc.GetDependencies() {
		parts := strings.Split(urn, "::")
		one.After = append(one.After, short(parts[2])+" "+parts[3])
	}
	slices.Sort(one.After)
	one.After = slices.Compact(one.After)
	for _, a := range rpc.GetAliases() {
		one.Aliases = append(one.Aliases, a.GetSpec().GetType())
	}
	m.made = append(m.made, one)
	out, id := args.Inputs.Copy(), "/id/of/"+args.Name
	for _, output := range outputs(args.TypeToken, args.Name) {
		for key, value := range output {
			out[key] = value
		}
	}
	for key, value := range args.Inputs {
		if strings.HasSuffix(string(key), "Name") && key != "resourceGroupName" && value.IsString() {
			out["name"] = value
		}
	}
	if args.TypeToken == "azure-native:resources/v20220901:ResourceGroup" {
		out["name"] = args.Inputs["resourceGroupName"]
		id = "/subscriptions/" + subscription + "/resourceGroups/" + out["name"].StringValue()
	}
	return id, out, nil
}

// short is a type without module and version: ContainerApp.
func short(token string) string {
	if i := strings.LastIndex(token, "$"); i >= 0 {
		token = token[i+1:]
	}
	return token[strings.LastIndex(token, ":")+1:]
}

func outputs(token, name string) []resource.PropertyMap {
	text := func(pairs ...string) []resource.PropertyMap {
		out := resource.PropertyMap{}
		for i := 0; i < len(pairs); i += 2 {
			out[resource.PropertyKey(pairs[i])] = resource.NewProperty(pairs[i+1])
		}
		return []resource.PropertyMap{out}
	}
	switch short(token) {
	case "Registry":
		return text("loginServer", "registry.azurecr.io")
	case "RandomPassword":
		return []resource.PropertyMap{{"result": resource.MakeSecret(resource.NewProperty("random-" + name))}}
	case "Workspace":
		return text("customerId", "customer")
	case "UserAssignedIdentity":
		return text("clientId", "client-of-"+name, "principalId", "principal-of-"+name)
	case "Account":
		return []resource.PropertyMap{{"properties": resource.NewProperty(resource.PropertyMap{
			"endpoint": resource.NewProperty("https://account.cognitiveservices.azure.com/"),
		})}}
	case "ContainerApp":
		return []resource.PropertyMap{{"configuration": resource.MakeSecret(resource.NewProperty(resource.PropertyMap{
			"ingress": resource.NewProperty(resource.PropertyMap{"fqdn": resource.NewProperty(name + ".azurecontainerapps.io")}),
		}))}}
	case "Image":
		return text("ref", "registry.azurecr.io/"+name+"@"+sum)
	}
	return nil
}

func (m *mocks) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if args.Token == "azure-native:storage/v20230501:listStorageAccountKeys" {
		return resource.PropertyMap{"keys": resource.NewProperty([]resource.PropertyValue{resource.NewProperty(resource.PropertyMap{
			"keyName": resource.NewProperty("key1"), "value": resource.NewProperty("the-account-key"),
		})})}, nil
	}
	if args.Token != "azure-native:operationalinsights/v20230901:getSharedKeys" {
		return nil, fmt.Errorf("call of %s", args.Token)
	}
	return resource.PropertyMap{"primarySharedKey": resource.NewProperty("the-shared-key")}, nil
}

// get returns the only resource of a short type and name.
func (m *mocks) get(t *testing.T, kind, name string) made {
	t.Helper()
	for _, r := range m.made {
		if short(r.Type) == kind && r.Name == name {
			return r
		}
	}
	t.Fatalf("no %s %q", kind, name)
	return made{}
}

// scenario is a definition with what a caller adds.
type scenario struct {
	yaml      string
	ground    *azure.Ground
	settings  func(*azure.Settings)
	noSteward bool
	secret    string // what values of secrets begin with; "": value-of-
}

func (s scenario) plan(t *testing.T) *plan.Plan {
	t.Helper()
	def := read(t, s.yaml)
	opts := plan.Options{Instance: "dev", Target: plan.Azure, Images: map[string]plan.Image{}}
	if def.TTL > 0 {
		opts.Expires = time.Date(2026, 2, 1, 20, 0, 0, 0, time.UTC)
	}
	for name := range def.Apps {
		opts.Images[name] = plan.Image{Ref: "exp/" + name + "@" + sum}
	}
	for name := range def.Jobs {
		opts.Images[name] = plan.Image{Ref: "exp/" + name + "@" + sum}
	}
	p, err := plan.New(def, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs the whole program of the scenario.
func (s scenario) run(t *testing.T) (*mocks, map[string]any, error) {
	t.Helper()
	m := &mocks{}
	outputs, err := s.runOn(t, m, func(*azure.Stack) {})
	slices.SortFunc(m.made, func(a, b made) int { return strings.Compare(short(a.Type)+a.Name, short(b.Type)+b.Name) })
	return m, outputs, err
}

// runOn runs it on whatever stands for the engine.
func (s scenario) runOn(t *testing.T, monitor pulumi.MockResourceMonitor, prepare func(*azure.Stack)) (map[string]any, error) {
	t.Helper()
	p := s.plan(t)
	stack := &azure.Stack{
		Plan: p, Ground: s.ground, Images: map[string]azure.ImageSource{},
		Names: names.New(names.Owner{Subscription: subscription, Experiment: "exp", Instance: "dev"}, s.ground != nil),
		Settings: azure.Settings{
			Subscription: subscription, Location: "swedencentral", Owner: "somebody@example.com", Definition: "definition-hash",
			BudgetStart: time.Date(2026, 1, 17, 9, 0, 0, 0, time.UTC),
		},
		Steward: azure.ImageSource{Source: "127.0.0.1:5000/envctl-steward@" + stewardSum, Digest: stewardSum, Repository: names.StewardRepository},
	}
	if s.settings != nil {
		s.settings(&stack.Settings)
	}
	if s.noSteward {
		stack.Steward = azure.ImageSource{}
	}
	secrets := map[string]components.SecretSource{}
	for _, w := range p.Spec().Workloads {
		stack.Images[w.Name] = azure.ImageSource{Source: "127.0.0.1:5000/exp/" + w.Name + "@" + sum, Digest: sum, Repository: "exp/" + w.Name}
		for _, name := range w.Secrets {
			secrets[name] = components.SecretSource{Value: cmp.Or(s.secret, "value-of-") + name}
		}
	}
	prepare(stack)
	outputs := map[string]any{}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		e, err := components.NewExperiment(ctx, "exp", components.ExperimentArgs{Plan: p, Target: stack, Secrets: secrets})
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		wg.Add(1)
		pulumi.All(e.Outputs, pulumi.IsSecret(e.Outputs.ToMapOutput())).ApplyT(func(v []any) int {
			defer wg.Done()
			outputs = v[0].(map[string]any)
			outputs["secret"] = v[1]
			return 0
		})
		wg.Wait()
		return nil
	}, pulumi.WithMocks("project", "exp.dev.azure", monitor))
	return outputs, err
}

// plain makes JSON values of properties; a secret stands out.
func plain(v resource.PropertyValue) any {
	switch {
	case v.IsSecret():
		return map[string]any{"[secret]": plain(v.SecretValue().Element)}
	case v.IsOutput():
		if v.OutputValue().Secret {
			return map[string]any{"[secret]": plain(v.OutputValue().Element)}
		}
		return plain(v.OutputValue().Element)
	case v.IsObject():
		out := map[string]any{}
		for key, value := range v.ObjectValue() {
			out[string(key)] = plain(value)
		}
		return out
	case v.IsArray():
		out := []any{}
		for _, item := range v.ArrayValue() {
			out = append(out, plain(item))
		}
		return out
	}
	return v.V
}

// text is what golden files hold of a program.
func text(m *mocks) string {
	var b strings.Builder
	for _, r := range m.made {
		if r.Type == components.ExperimentType {
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", r.Type, r.Name)
		if len(r.After) > 0 {
			fmt.Fprintf(&b, "  after: %s\n", strings.Join(r.After, ", "))
		}
		if len(r.ReplaceOnChanges) > 0 {
			fmt.Fprintf(&b, "  replace: %s\n", strings.Join(r.ReplaceOnChanges, ", "))
		}
		if len(r.SecretOutputs) > 0 {
			fmt.Fprintf(&b, "  secret outputs: %s\n", strings.Join(r.SecretOutputs, ", "))
		}
		inputs, err := json.MarshalIndent(plain(resource.NewProperty(r.Inputs)), "  ", "  ")
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "  %s\n\n", inputs)
	}
	return b.String()
}
