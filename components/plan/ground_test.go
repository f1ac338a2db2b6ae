package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

const grounded = `
name: exp
platform: team
budget: {amount: 50, currency: EUR, alerts: [100, 50], contacts: [a@example.com], onExceeded: stop}
models: {chat: {model: gpt-4o, version: "1", capacity: 5}, a: {model: b}}
targets: {local: {isolation: gvisor}, azure: {subscription: 00000000-0000-0000-0000-000000000000, location: swedencentral, resourceGroup: g, egress: firewall}}
`

func readGround(t *testing.T, yaml string) *definition.Definition {
	t.Helper()
	def, err := definition.Read([]byte(yaml), definition.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return def
}

func TestAnAzurePlanSaysWhatItStandsOn(t *testing.T) {
	t.Parallel()
	p, err := plan.New(readGround(t, grounded), plan.Options{Instance: "dev", Target: plan.Azure})
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Spec{
		Experiment: "exp", Instance: "dev", Target: "azure", Platform: "team",
		Models: []plan.Model{
			{Name: "a", Model: "b", SKU: "GlobalStandard", Capacity: 10},
			{Name: "chat", Model: "gpt-4o", Version: "1", SKU: "GlobalStandard", Capacity: 5},
		},
		Budget: &plan.Budget{Amount: 50, Currency: "EUR", Alerts: []int{50, 100}, Contacts: []string{"a@example.com"}, Stop: true},
		Azure: &plan.AzureSettings{
			Subscription: "00000000-0000-0000-0000-000000000000", Location: "swedencentral", ResourceGroup: "g", Firewall: true,
		},
	}
	if diff := cmp.Diff(want, p.Spec()); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	again, err := plan.Parse(data)
	if err != nil || again.Hash() != p.Hash() {
		t.Errorf("read back: %v, %v", again, err)
	}
	spec := p.Spec()
	spec.Budget.Alerts[0], spec.Models[0].Name, spec.Azure.Location, spec.Budget.Contacts[0] = 1, "x", "x", "x"
	if diff := cmp.Diff(want, p.Spec()); diff != "" {
		t.Errorf("a copy changed the plan:\n%s", diff)
	}
}

// A local plan does not depend on what only Azure has: its hash stays when that
// changes.
func TestALocalPlanIsWithoutAzuresGround(t *testing.T) {
	t.Parallel()
	p, err := plan.New(readGround(t, grounded), plan.Options{Instance: "dev", Target: "local"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"budget"`, `"azure"`, `"platform"`, `"kind":"platform"`, `"shared"`} {
		if strings.Contains(string(data), key) {
			t.Errorf("the local plan has %s: %s", key, data)
		}
	}
}

func TestAPlatformIsPlannedForAzure(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]plan.Shared{
		"": {RegistrySKU: "Basic", LogRetention: 30},
		"registry: {sku: Premium}\nenvironment: {logRetention: 90, network: 10.0.0.0/16, zoneRedundant: true}": {RegistrySKU: "Premium", LogRetention: 90, Network: "10.0.0.0/16", ZoneRedundant: true},
	} {
		p, err := plan.New(readGround(t, "kind: Platform\nname: team\n"+yaml), plan.Options{Instance: "dev", Target: plan.Azure})
		if err != nil {
			t.Fatal(err)
		}
		if spec := p.Spec(); spec.Kind != plan.Platform || *spec.Shared != want {
			t.Errorf("kind %q, shared %+v, expected %+v", spec.Kind, spec.Shared, want)
		}
	}
}
