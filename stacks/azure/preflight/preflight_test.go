package preflight_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/ask/asktest"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

const sub = "/subscriptions/0000"

func subject() preflight.Subject {
	return preflight.Subject{
		Subscription: "0000", Location: "swedencentral", Experiment: "exp", Instance: "default", OwnGround: true, Steward: true, Outputs: true, Budget: true, Currency: "USD",
		Names:  names.New(names.Owner{Subscription: "0000", Experiment: "exp", Instance: "default"}, false),
		Models: []plan.Model{{Name: "chat", Model: "gpt-4o-mini", Version: "2024-07-18", SKU: "GlobalStandard", Capacity: 10}},
	}
}

func model(name, version, sku, usage string) string {
	return `{"kind":"OpenAI","model":{"format":"OpenAI","name":"` + name + `","version":"` + version + `","isDefaultVersion":true,
		"skus":[{"name":"` + sku + `","usageName":"` + usage + `","capacity":{"minimum":1,"maximum":1000}}]}}`
}

const usage = `{"name":{"value":"OpenAI.GlobalStandard.gpt-4o-mini"},"currentValue":%,"limit":100}`

const usageDetails = sub + "/providers/Microsoft.Consumption/usageDetails?$top=1"

func charge(key, currency string) string {
	return `{"value":[{"properties":{"` + key + `":"` + currency + `"}}]}`
}

// ready is a subscription in which everything fits.
func ready() *asktest.Manager {
	m := asktest.New()
	m.Has(sub, `{"state":"Enabled","displayName":"Team"}`)
	m.Lists(sub+"/locations", `{"name":"swedencentral","metadata":{"regionType":"Physical"}}`, `{"name":"westeurope"}`, `{"name":"europe","metadata":{"regionType":"Logical"}}`)
	for _, ns := range []string{"App", "ManagedIdentity", "ContainerRegistry", "OperationalInsights", "Network", "Consumption", "Insights", "Storage"} {
		m.Has(sub+"/providers/Microsoft."+ns, `{"registrationState":"Registered","resourceTypes":[{"resourceType":"jobs","locations":["Sweden Central","West Europe"]}]}`)
	}
	m.Has(sub+"/providers/Microsoft.CognitiveServices", `{"registrationState":"Registered","resourceTypes":[{"resourceType":"accounts","locations":["Sweden Central","West Europe","East US"]}]}`)
	m.Lists(sub+"/providers/Microsoft.App/locations/swedencentral/usages", `{"name":{"value":"ManagedEnvironmentCount"},"currentValue":3,"limit":20}`)
	at := sub + "/providers/Microsoft.CognitiveServices/locations/"
	m.Lists(at+"swedencentral/models", model("gpt-4o-mini", "2024-07-18", "GlobalStandard", "OpenAI.GlobalStandard.gpt-4o-mini"), model("gpt-4o", "2024-08-06", "Standard", "OpenAI.Standard.gpt-4o"))
	m.Lists(at+"westeurope/models", model("o9", "1", "GlobalStandard", "u"))
	m.Lists(at+"swedencentral/usages", strings.Replace(usage, "%", "50", 1))
	available := func(key string) func(any) (ask.Object, error) {
		return func(any) (ask.Object, error) { return ask.Object{key: true}, nil }
	}
	m.Answers(sub+"/providers/Microsoft.ContainerRegistry/checkNameAvailability", available("nameAvailable"))
	m.Answers(sub+"/providers/Microsoft.Storage/checkNameAvailability", available("nameAvailable"))
	m.Answers(sub+"/providers/Microsoft.CognitiveServices/checkDomainAvailability", available("isSubdomainAvailable"))
	m.Has(usageDetails, charge("billingCurrencyCode", "USD"))
	m.Lists(sub+"/providers/Microsoft.Authorization/permissions", `{"actions":["*"],"notActions":["Microsoft.Authorization/*/Write"]}`,
		`{"actions":["Microsoft.Authorization/roleAssignments/*","Microsoft.Authorization/roleDefinitions/write"],"notActions":[]}`)
	return m
}

func TestEverythingFits(t *testing.T) {
	t.Parallel()
	m := ready()
	checks, err := preflight.Run(t.Context(), m, subject())
	if err != nil || preflight.Error(checks) != nil {
		t.Fatal(err, preflight.Error(checks))
	}
	seen := map[string]bool{}
	for _, c := range checks {
		if c.State != preflight.OK || c.Fix != "" || c.Detail == "" {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = true
	}
	for _, name := range []string{"login", "region", "providers", "environments", "quota", "names", "leftovers", "permissions", "budget"} {
		if !seen[name] {
			t.Errorf("%s was not looked at: %+v", name, checks)
		}
	}
	if writes := append(m.Calls("PUT"), m.Calls("DELETE")...); len(writes) > 0 {
		t.Errorf("it changed %q", writes)
	}
}

// Each thing that does not fit is found by its check, with the choices that do.
func TestWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	deleted := func(tags, group string) string {
		name := subject().Names.Account
		return `{"id":"` + sub + `/providers/Microsoft.CognitiveServices/locations/swedencentral/resourceGroups/` + group + `/deletedAccounts/` + name + `","name":"` + name + `","tags":` + tags + `}`
	}
	group := sub + "/resourceGroups/" + subject().Names.ResourceGroup
	taken := func(o ask.Object) func(any) (ask.Object, error) {
		return func(any) (ask.Object, error) { return o, nil }
	}
	for name, c := range map[string]struct {
		change func(m *asktest.Manager, s *preflight.Subject)
		state  string
		check  string
		detail string
		fix    string
	}{
		"no subscription": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Fails(sub, &arm.Error{StatusCode: 404, Code: "SubscriptionNotFound", Message: "The subscription '0000' could not be found."})
		}, "failed", "login", "could not be found", "az login"},
		"disabled":        {func(m *asktest.Manager, _ *preflight.Subject) { m.Has(sub, `{"state":"Disabled"}`) }, "failed", "login", "Disabled", "another subscription"},
		"misspelt region": {func(_ *asktest.Manager, s *preflight.Subject) { s.Location = "swedencentrl" }, "failed", "region", `no region "swedencentrl"`, "swedencentral"},
		"region without jobs": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Has(sub+"/providers/Microsoft.App", `{"registrationState":"Registered","resourceTypes":[{"resourceType":"jobs","locations":["West Europe"]}]}`)
		}, "failed", "region", "does not offer Microsoft.App/jobs", "westeurope"},
		"not registered": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Has(sub+"/providers/Microsoft.App", `{"registrationState":"NotRegistered"}`)
		}, "warning", "providers", "NotRegistered", "az provider register -n Microsoft.App"},
		"no more environments": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Lists(sub+"/providers/Microsoft.App/locations/swedencentral/usages", `{"name":{"value":"ManagedEnvironmentCount"},"currentValue":20,"limit":20}`)
		}, "failed", "environments", "20 of 20", "envctl gc"},
		"unknown model": {func(_ *asktest.Manager, s *preflight.Subject) { s.Models[0].Model = "gpt-4o-mni" }, "failed", "models", `no model "gpt-4o-mni"`, "gpt-4o-mini, gpt-4o"},
		"model of another region": {func(_ *asktest.Manager, s *preflight.Subject) { s.Models[0].Model, s.Models[0].Version = "o9", "1" },
			"failed", "models", `no model "o9"`, "a region that has it: westeurope"},
		"unknown version":            {func(_ *asktest.Manager, s *preflight.Subject) { s.Models[0].Version = "2020-01-01" }, "failed", "models", `no version "2020-01-01"`, "2024-07-18"},
		"unknown sku":                {func(_ *asktest.Manager, s *preflight.Subject) { s.Models[0].SKU = "Standard" }, "failed", "models", `no sku "Standard"`, "GlobalStandard"},
		"too large for a deployment": {func(_ *asktest.Manager, s *preflight.Subject) { s.Models[0].Capacity = 5000 }, "failed", "quota", "1 to 1000, not 5000", "models.chat.capacity"},
		"quota":                      {func(m *asktest.Manager, s *preflight.Subject) { s.Models[0].Capacity = 51 }, "failed", "quota", "51 thousand tokens a minute are needed, 50 of 100 are left", "to 50 in all"},
		"quota of two models": {func(m *asktest.Manager, s *preflight.Subject) {
			second := s.Models[0]
			second.Name, s.Models[0].Capacity, second.Capacity = "other", 30, 30
			s.Models = append(s.Models, second)
		}, "failed", "quota", "60 thousand", "to 50 in all"},
		"group of another": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Has(group, `{"location":"swedencentral","tags":{"dev.envctl.experiment":"other","dev.envctl.instance":"x"}}`)
		}, "failed", "names", "that of other (instance x)", "resourceGroup"},
		"group of nobody": {func(m *asktest.Manager, _ *preflight.Subject) { m.Has(group, `{"location":"swedencentral"}`) }, "failed", "names", "not made by envctl", "does not exist"},
		"group elsewhere": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Has(group, `{"location":"West Europe","tags":{"dev.envctl.experiment":"exp","dev.envctl.instance":"default"}}`)
		}, "failed", "names", "is in westeurope", "envctl down"},
		"group on its way out": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Has(group, `{"location":"swedencentral","properties":{"provisioningState":"Deleting"},"tags":{"dev.envctl.experiment":"exp","dev.envctl.instance":"default"}}`)
		}, "failed", "names", "being deleted", "wait"},
		"registry's name": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Answers(sub+"/providers/Microsoft.ContainerRegistry/checkNameAvailability", taken(ask.Object{"nameAvailable": false, "message": "in use"}))
		}, "failed", "names", "in use", "-n"},
		"storage account's name": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Answers(sub+"/providers/Microsoft.Storage/checkNameAvailability", taken(ask.Object{"nameAvailable": false, "message": "in use"}))
		}, "failed", "names", "the storage account's name", "-n"},
		"subdomain": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Answers(sub+"/providers/Microsoft.CognitiveServices/checkDomainAvailability", taken(ask.Object{"isSubdomainAvailable": false, "reason": "in use"}))
		}, "failed", "names", "in use", "-n"},
		"soft-deleted, ours": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Lists(sub+"/providers/Microsoft.CognitiveServices/deletedAccounts", deleted(`{"dev.envctl.experiment":"exp","dev.envctl.instance":"default"}`, "g"))
		}, "warning", "leftovers", "soft-deleted", "purges it"},
		"soft-deleted, of nobody's tags but our group": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Lists(sub+"/providers/Microsoft.CognitiveServices/deletedAccounts", deleted(`{}`, subject().Names.ResourceGroup))
		}, "warning", "leftovers", "soft-deleted", "purges it"},
		"soft-deleted, not ours": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Lists(sub+"/providers/Microsoft.CognitiveServices/deletedAccounts", deleted(`{"dev.envctl.experiment":"other","dev.envctl.instance":"default"}`, "g"))
		}, "failed", "leftovers", `resource group "g"`, "purge"},
		"permission": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Lists(sub+"/providers/Microsoft.Authorization/permissions", `{"actions":["*"],"notActions":["Microsoft.Authorization/*/Write"]}`)
		}, "failed", "permissions", "Microsoft.Authorization/roleAssignments/write", "Owner"},
		"may not look": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Fails(sub+"/providers/Microsoft.Authorization/permissions", &arm.Error{StatusCode: 403, Code: "AuthorizationFailed", Message: "no"})
		}, "skipped", "permissions", "AuthorizationFailed", ""},
		"billed in another currency": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Has(usageDetails, charge("billingCurrencyCode", "EUR"))
		}, "failed", "budget", "the budget is in USD, and the subscription is billed in EUR", "set budget.currency to EUR"},
		"billed in another currency, by an older agreement": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Has(usageDetails, charge("billingCurrency", "INR"))
		}, "failed", "budget", "billed in INR", "budget.amount to what it is in INR"},
		"never billed": {func(m *asktest.Manager, _ *preflight.Subject) { m.Has(usageDetails, `{"value":[]}`) },
			"skipped", "budget", "not told before the first charge", ""},
		"the bill takes too long": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Fails(usageDetails, context.DeadlineExceeded)
		}, "skipped", "budget", "not told within 20s", ""},
		"may not see the bill": {func(m *asktest.Manager, _ *preflight.Subject) {
			m.Fails(usageDetails, &arm.Error{StatusCode: 403, Code: "AuthorizationFailed", Message: "no"})
		}, "skipped", "budget", "AuthorizationFailed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, s := ready(), subject()
			c.change(m, &s)
			checks, err := preflight.Run(t.Context(), m, s)
			if err != nil {
				t.Fatal(err)
			}
			var found []preflight.Check
			for _, check := range checks {
				if check.State != preflight.OK {
					found = append(found, check)
				}
			}
			if len(found) != 1 || found[0].State != c.state || found[0].Name != c.check ||
				!strings.Contains(found[0].Detail, c.detail) || !strings.Contains(found[0].Fix, c.fix) {
				t.Fatalf("%+v", found)
			}
			failed := preflight.Error(checks)
			if (failed != nil) != (c.state == preflight.Failed) || failed != nil && !strings.Contains(failed.Error(), c.detail) {
				t.Errorf("%v", failed)
			}
		})
	}
}

// What the experiment has already is not in its own way.
func TestSecondUp(t *testing.T) {
	t.Parallel()
	m, s := ready(), subject()
	s.Models[0].Capacity = 90
	tags := `"tags":{"dev.envctl.experiment":"exp","dev.envctl.instance":"default"}`
	group := sub + "/resourceGroups/" + s.Names.ResourceGroup
	m.Has(group, `{"location":"swedencentral",`+tags+`}`)
	for _, path := range []string{"Microsoft.ContainerRegistry/registries/" + s.Names.Registry, "Microsoft.CognitiveServices/accounts/" + s.Names.Account, "Microsoft.App/managedEnvironments/" + s.Names.Environment} {
		m.Has(group+"/providers/"+path, `{`+tags+`}`)
	}
	m.Lists(group+"/providers/Microsoft.CognitiveServices/accounts/"+s.Names.Account+"/deployments", `{"sku":{"name":"GlobalStandard","capacity":40},"properties":{"model":{"name":"gpt-4o-mini"}}}`)
	m.Lists(sub+"/providers/Microsoft.App/locations/swedencentral/usages", `{"name":{"value":"ManagedEnvironmentCount"},"currentValue":20,"limit":20}`)
	no := func(any) (ask.Object, error) { return ask.Object{}, nil }
	m.Answers(sub+"/providers/Microsoft.ContainerRegistry/checkNameAvailability", no)
	m.Answers(sub+"/providers/Microsoft.CognitiveServices/checkDomainAvailability", no)
	checks, err := preflight.Run(t.Context(), m, s)
	if err != nil || preflight.Error(checks) != nil {
		t.Errorf("%v, %v", err, preflight.Error(checks))
	}
}

// Without an answer at all nothing is known: that is an error, not a finding.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	for _, path := range []string{sub, sub + "/locations", sub + "/providers/Microsoft.Authorization/permissions"} {
		m, broken := ready(), errors.New("no network")
		m.Fails(path, broken)
		if _, err := preflight.Run(t.Context(), m, subject()); !errors.Is(err, broken) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// On a platform only its own part is looked at.
func TestOnAPlatform(t *testing.T) {
	t.Parallel()
	m, s := ready(), subject()
	s.OwnGround, s.Models = false, nil
	if _, err := preflight.Run(t.Context(), m, s); err != nil {
		t.Fatal(err)
	}
	for _, call := range m.Calls("") {
		if strings.Contains(call, "cognitive") || strings.Contains(call, "registry/checkname") || strings.Contains(call, "usages") {
			t.Errorf("asked %s", call)
		}
	}
}

func TestPairs(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for _, c := range []struct {
		cpu    float64
		memory int64
		ok     bool
	}{{0.25, gib / 2, true}, {4, 8 * gib, true}, {0.5, gib + 1, false}, {0.3, gib, false}, {4.25, 17 * gib / 2, false}, {0, 0, false}} {
		if preflight.Pair(c.cpu, c.memory) != c.ok {
			t.Errorf("%v with %d", c.cpu, c.memory)
		}
	}
	if got := preflight.Pairs(); !strings.HasPrefix(got, "0.25/0.5Gi, 0.5/1Gi") || !strings.HasSuffix(got, "4/8Gi") {
		t.Errorf("%s", got)
	}
	if preflight.GiB(gib+1) != "1073741825 bytes" || preflight.GiB(3*gib/2) != "1.5Gi" {
		t.Error("sizes")
	}
}
