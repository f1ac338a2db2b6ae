package azure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/names"
)

// A secret with another value makes another template, and so another revision,
// which shows nothing of the value; one app's secret is nothing to another app.
func TestARotatedSecretMakesARevision(t *testing.T) {
	t.Parallel()
	template := func(s scenario, app string) string {
		m, _, err := s.run(t)
		if err != nil {
			t.Fatal(err)
		}
		in := m.get(t, "ContainerApp", app).Inputs["template"]
		if in.ContainsSecrets() {
			t.Errorf("the template of %s is secret: nobody sees what changes in it", app)
		}
		return in.String()
	}
	was, rotated := scenarios()["full"], scenarios()["full"]
	rotated.secret = "rotated-"
	if template(was, "api") != template(was, "api") {
		t.Error("the same values make another template")
	}
	if template(was, "api") == template(rotated, "api") {
		t.Error("other values make the same template")
	}
	if template(was, "worker") != template(rotated, "worker") {
		t.Error("an app without secrets gets another template")
	}
}

func TestBudgetsStartIsTheFirstOfItsMonth(t *testing.T) {
	t.Parallel()
	s := scenarios()["full"]
	s.settings = func(set *azure.Settings) {
		set.BudgetStart = time.Date(2026, 2, 28, 23, 30, 0, 0, time.FixedZone("", -3600)) // 1 March in UTC
	}
	m, _, err := s.run(t)
	if err != nil {
		t.Fatal(err)
	}
	b := m.get(t, "Budget", "budget")
	if start := b.Inputs["timePeriod"].ObjectValue()["startDate"].StringValue(); start != "2026-03-01T00:00:00Z" || !b.DeleteBeforeReplace {
		t.Errorf("start %s, deleted before it is replaced: %v", start, b.DeleteBeforeReplace)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		scenario
		want string
	}{
		"subscription": {scenario{yaml: full, settings: func(s *azure.Settings) { s.Subscription = "" }}, "no subscription: set targets.azure.subscription"},
		"region":       {scenario{yaml: full, settings: func(s *azure.Settings) { s.Location = "" }}, "no region: set targets.azure.location"},
		"budget start": {scenario{yaml: full, settings: func(s *azure.Settings) { s.BudgetStart = time.Time{} }}, "the budget has no start"},
		"steward":      {scenario{yaml: full, noSteward: true}, "the image of the steward is missing"},
		"platform":     {scenario{yaml: "name: exp\nplatform: team\napps: {a: {image: x}}"}, `platform "team" is not known`},
		"model": {scenario{yaml: "name: exp\nplatform: team\napps: {a: {image: x, models: [vision]}}", ground: ground()},
			`model "vision" is not on platform "team"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := tt.run(t); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, expected %q", err, tt.want)
			}
		})
	}
}

func TestAnImageWithoutASourceIsSaid(t *testing.T) {
	t.Parallel()
	s := scenarios()["plain"]
	p := s.plan(t)
	stack := &azure.Stack{
		Plan: p, Names: names.New(names.Owner{Subscription: subscription, Experiment: "exp", Instance: "dev"}, false),
		Settings: azure.Settings{Subscription: subscription, Location: "swedencentral"},
	}
	err := pulumi.RunErr(components.Program(components.ExperimentArgs{Plan: p, Target: stack}), pulumi.WithMocks("project", "stack", &mocks{}))
	if err == nil || !strings.Contains(err.Error(), `the image of "web" has source ""`) {
		t.Errorf("error %v", err)
	}
}

// preview is an engine that makes nothing: no id and no output is known, and
// nobody may be asked.
type preview struct{ mocks }

func (p *preview) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = append(p.made, made{Type: args.TypeToken, Name: args.Name, Inputs: args.Inputs.Copy()})
	return "", args.Inputs, nil
}

func (p *preview) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = append(p.made, made{Type: "call", Name: args.Token})
	return nil, nil
}

func TestAPreviewOfNothingAsksNothing(t *testing.T) {
	t.Parallel()
	s := scenarios()["full"]
	p := s.plan(t)
	stack := &azure.Stack{
		Plan: p, Names: names.New(names.Owner{Subscription: subscription, Experiment: "exp", Instance: "dev"}, false),
		Settings: azure.Settings{Subscription: subscription, Location: "swedencentral", BudgetStart: time.Now()},
		Steward:  azure.ImageSource{Source: "x", Digest: stewardSum, Repository: names.StewardRepository},
		Images:   map[string]azure.ImageSource{},
	}
	secrets := map[string]components.SecretSource{"db": {Value: "a"}, "key": {Generate: 20}}
	for _, w := range p.Spec().Workloads {
		stack.Images[w.Name] = azure.ImageSource{Source: "x", Digest: sum, Repository: "exp/" + w.Name}
	}
	m := &preview{}
	err := pulumi.RunErr(components.Program(components.ExperimentArgs{Plan: p, Target: stack, Secrets: secrets}),
		pulumi.WithMocks("project", "stack", m), func(info *pulumi.RunInfo) { info.DryRun = true })
	// The SDK's mocks cannot read a secret that is not known, which the logs' key is.
	if err != nil && !strings.Contains(err.Error(), `missing value for "sharedKey"`) {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, r := range m.made {
		if r.Type == "call" {
			t.Errorf("a preview calls %s of what is not there", r.Name)
		}
		kinds[short(r.Type)] = true
	}
	for _, kind := range []string{"Workspace", "Registry", "Account", "Deployment", "RoleAssignment", "VirtualNetwork", "Image"} {
		if !kinds[kind] {
			t.Errorf("the preview has no %s", kind)
		}
	}
}
