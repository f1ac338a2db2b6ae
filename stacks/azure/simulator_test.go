package azure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

// simulated is the target at a simulated subscription.
func simulated(t *testing.T, o armsim.Options) (*azure.Target, *arm.Client, *armsim.Simulator) {
	t.Helper()
	sim, err := armsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	if _, err := sim.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	env := sim.Env()
	client, err := arm.Connect(t.Context(), arm.Options{Getenv: func(key string) string { return env[key] }, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return &azure.Target{Client: client}, client, sim
}

func withModel() *definition.Definition {
	def := define()
	def.TTL = definition.Duration(time.Hour)
	def.Models = map[string]definition.Model{"chat": {Model: "gpt-4o-mini", Version: "2024-07-18", SKU: "GlobalStandard", Capacity: 10}}
	return def
}

// Every question of the preflight is one that the simulator knows, and what it has
// is found before anything is made.
func TestCheckAtTheSimulator(t *testing.T) {
	t.Parallel()
	n := names.New(names.Owner{Subscription: armsim.DefaultSubscription, Experiment: "exp", Instance: "default"}, false)
	for name, c := range map[string]struct {
		options armsim.Options
		change  func(*definition.Definition)
		check   string // that fails; empty: none
		part    string // of the detail or the mend
	}{
		"fits":             {armsim.Options{OddCase: true}, nil, "", ""},
		"unknown region":   {armsim.Options{}, func(d *definition.Definition) { d.Targets.Azure.Location = "swedencentrl" }, "region", "swedencentral"},
		"unknown model":    {armsim.Options{}, func(d *definition.Definition) { m := d.Models["chat"]; m.Model = "gpt-4o-mni"; d.Models["chat"] = m }, "models", "gpt-4o-mini"},
		"unknown version":  {armsim.Options{}, func(d *definition.Definition) { m := d.Models["chat"]; m.Version = "1"; d.Models["chat"] = m }, "models", "2024-07-18"},
		"unknown sku":      {armsim.Options{}, func(d *definition.Definition) { m := d.Models["chat"]; m.SKU = "Sky"; d.Models["chat"] = m }, "models", "GlobalStandard"},
		"quota":            {armsim.Options{}, func(d *definition.Definition) { m := d.Models["chat"]; m.Capacity = 1_000_000; d.Models["chat"] = m }, "quota", "1000000"},
		"registry's name":  {armsim.Options{Taken: []string{"registry/" + n.Registry}}, nil, "names", n.Registry},
		"storage account":  {armsim.Options{Taken: []string{"storage/" + n.Storage}}, nil, "names", n.Storage},
		"no signatures":    {armsim.Options{Denied: []string{"Microsoft.Storage/storageAccounts/listServiceSas/action"}}, nil, "permissions", "listServiceSas"},
		"subdomain":        {armsim.Options{Taken: []string{"subdomain/" + n.Subdomain}}, nil, "names", n.Subdomain},
		"no assignments":   {armsim.Options{Denied: []string{"Microsoft.Authorization/roleAssignments/write"}}, nil, "permissions", "roleAssignments/write"},
		"not the platform": {armsim.Options{}, func(d *definition.Definition) { d.Platform, d.Models = "team", nil }, "error", `platform "team"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, _, sim := simulated(t, c.options)
			def := withModel()
			if c.change != nil {
				c.change(def)
			}
			checks, err := target.Check(t.Context(), def, ref)
			if c.check == "error" {
				if err == nil || !strings.Contains(err.Error(), c.part) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			failed := ""
			for _, check := range checks {
				if check.State == preflight.Failed {
					failed += check.Name
					if !strings.Contains(check.Detail+check.Fix, c.part) {
						t.Errorf("%+v", check)
					}
				}
				if check.State == preflight.Skipped && c.check == "" {
					t.Errorf("not looked at: %+v", check)
				}
			}
			if failed != c.check {
				t.Errorf("%s failed: %+v", failed, checks)
			}
			if left, err := sim.Leftovers(); err != nil || len(left) > 0 {
				t.Errorf("it made %q, %v", left, err)
			}
		})
	}
}

// What a lost state left is found with its owner, and swept so that nothing is left
// that costs or keeps a name.
func TestSweepAtTheSimulator(t *testing.T) {
	t.Parallel()
	target, client, sim := simulated(t, armsim.Options{OddCase: true})
	tags := map[string]any{"dev.envctl.experiment": "exp", "dev.envctl.instance": "default", "dev.envctl.owner": "ann"}
	group := ask.Group(client.Subscription(), "envctl-exp-default")
	put := func(path, version string, body map[string]any) {
		t.Helper()
		body["location"], body["tags"] = "swedencentral", tags
		if _, err := client.Put(t.Context(), path, version, body); err != nil {
			t.Fatal(err)
		}
	}
	account := func() {
		put(group, ask.Resources, map[string]any{})
		put(ask.Provider(group, "Microsoft.CognitiveServices", "accounts", "exp-account"), ask.Accounts, map[string]any{
			"kind": "AIServices", "sku": map[string]any{"name": "S0"}, "properties": map[string]any{"customSubDomainName": "exp-account"},
		})
	}
	account()
	states, err := target.States(t.Context())
	if _, ok := states[ref]; !ok || err != nil {
		t.Errorf("%+v, %v", states, err)
	}
	list, err := target.Leftovers(t.Context(), func(stacks.Ref) bool { return false })
	if err != nil || len(list) != 1 || list[0].Kind != azure.LeftGroup || list[0].Owner != "ann" || list[0].Ref != ref {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := client.Delete(t.Context(), group, ask.Resources); err != nil {
		t.Fatal(err)
	}
	list, err = target.Leftovers(t.Context(), func(stacks.Ref) bool { return false })
	if err != nil || len(list) != 1 || list[0].Kind != azure.LeftAccount {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := target.Remove(t.Context(), list[0]); err != nil {
		t.Fatal(err)
	}
	account()
	if n, err := target.Sweep(t.Context(), ref, false); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if left, err := sim.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
	if n, err := target.Sweep(t.Context(), ref, false); n != 0 || err != nil {
		t.Errorf("a second sweep: %d, %v", n, err)
	}
}
