package provider

import (
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

func TestCheckFailures(t *testing.T) {
	t.Parallel()
	app := func(more obj) obj {
		in := obj{"resourceGroupName": "rg", "containerAppName": "web"}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	for name, c := range map[string]struct {
		token string
		in    obj
		path  string
		words []string
	}{
		"missing":         {appToken, obj{}, "resourceGroupName", []string{"missing required property 'resourceGroupName'"}},
		"missing nested":  {regToken, obj{"resourceGroupName": "rg", "registryName": "abcde", "sku": obj{}}, "sku.name", []string{"missing required property 'sku.name'"}},
		"missing object":  {regToken, obj{"resourceGroupName": "rg", "registryName": "abcde"}, "sku", []string{"missing required property 'sku'"}},
		"null is missing": {appToken, obj{"resourceGroupName": nil}, "resourceGroupName", []string{"missing required"}},
		"type":            {appToken, app(obj{"workloadProfileName": 7.0}), "workloadProfileName", []string{"the number 7", "expected a string"}},
		"object":          {appToken, app(obj{"template": "x"}), "template", []string{"is a string, expected an object"}},
		"list":            {appToken, app(obj{"template": obj{"containers": obj{}}}), "template.containers", []string{"expected a list"}},
		"in a list": {appToken, app(obj{"template": obj{"containers": []any{obj{"image": true}}}}),
			"template.containers[0].image", []string{"is a boolean, expected a string"}},
		"whole number": {appToken, app(obj{"configuration": obj{"ingress": obj{"targetPort": 80.5}}}),
			"configuration.ingress.targetPort", []string{"80.5", "whole number"}},
		"map": {appToken, app(obj{"tags": obj{"a.b": 1.0}}), `tags["a.b"]`, []string{"expected a string"}},
		"unknown": {appToken, app(obj{"workloadProfileType": "x"}), "workloadProfileType",
			[]string{"2024-03-01", "workloadProfileName"}},
		"unknown nested": {appToken, app(obj{"template": obj{"container": []any{}}}), "template.container", []string{"containers"}},
		"read-only":      {appToken, app(obj{"latestRevisionName": "x"}), "latestRevisionName", []string{"set by Azure"}},
		"identity":       {appToken, app(obj{"identity": obj{"type": "UserAssigned", "userAssignedIdentities": obj{}}}), "identity.userAssignedIdentities", []string{"list of identity IDs"}},
		"short":          {regToken, obj{"resourceGroupName": "rg", "registryName": "abc", "sku": obj{"name": "Basic"}}, "registryName", []string{`"abc"`, "too short with 3", "at least 5"}},
		"long":           {regToken, obj{"resourceGroupName": strings.Repeat("a", 91), "registryName": "abcde", "sku": obj{"name": "Basic"}}, "resourceGroupName", []string{"too long with 91", "at most 90"}},
		"pattern":        {regToken, obj{"resourceGroupName": "rg", "registryName": "my-registry", "sku": obj{"name": "Basic"}}, "registryName", []string{`"my-registry"`, "^[a-zA-Z0-9]*$"}},
		"GUID":           {roleToken, obj{"scope": "/subscriptions/s", "principalId": "p", "roleDefinitionId": "r", "roleAssignmentName": "x"}, "roleAssignmentName", []string{`"x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := resourceOf(t, testServer(t, newFake()), c.token, "n")
			_, fails := r.check(toMap(c.in))
			if len(fails) != 1 || fails[0].GetProperty() != c.path {
				t.Fatalf("failures %v, expected one at %q", fails, c.path)
			}
			for _, w := range c.words {
				if !strings.Contains(fails[0].GetReason(), w) {
					t.Errorf("reason lacks %q: %s", w, fails[0].GetReason())
				}
			}
		})
	}
}

// A secret that breaks a rule is not shown.
func TestCheckKeepsSecrets(t *testing.T) {
	t.Parallel()
	r := resourceOf(t, testServer(t, newFake()), appToken, "web")
	in := toMap(obj{"resourceGroupName": "rg", "configuration": obj{"secrets": []any{obj{"name": "a", "value": "plain-in"}}}})
	in = in.Set("containerAppName", property.New("Hidden-Name").WithSecret(true))
	out, fails := r.check(in)
	if len(fails) != 1 || strings.Contains(fails[0].GetReason(), "Hidden") {
		t.Errorf("failures %v", fails)
	}
	m := unpack(t, out)
	if !m.Get("containerAppName").Secret() {
		t.Error("the mark of a given secret is lost")
	}
	secrets := m.Get("configuration").AsMap().Get("secrets")
	if secrets.Secret() || !secrets.AsArray().Get(0).AsMap().Get("value").Secret() {
		t.Error("a secret's value is not marked, or its list is")
	}
}

// What is not known yet passes, and stays so.
func TestCheckKeepsUnknowns(t *testing.T) {
	t.Parallel()
	unknown := property.New(property.Computed)
	r := resourceOf(t, testServer(t, newFake()), regToken, "reg")
	in := property.NewMap(map[string]property.Value{
		"resourceGroupName": unknown, "registryName": unknown.WithSecret(true), "sku": unknown, "tags": property.New(map[string]property.Value{"a": unknown}),
	})
	out := unpack(t, r.checked(in))
	for _, name := range []string{"resourceGroupName", "registryName", "sku"} {
		if !out.Get(name).IsComputed() {
			t.Errorf("%s is %v", name, out.Get(name))
		}
	}
	if !out.Get("tags").AsMap().Get("a").IsComputed() {
		t.Error("a nested unknown is lost")
	}
}

func TestAutonaming(t *testing.T) {
	t.Parallel()
	guid := `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`
	for name, c := range map[string]struct {
		token, urn, key, want string
		flag                  bool
		in                    obj
	}{
		"random": {idToken, "web", "resourceName", `^web[0-9a-f]{8}$`, true, obj{"resourceGroupName": "rg"}},
		"group":  {rgToken, "rg", "resourceGroupName", `^rg[0-9a-f]{8}$`, true, obj{}},
		"copy":   {depToken, "chat", "deploymentName", `^chat$`, false, obj{"resourceGroupName": "rg", "accountName": "acc"}},
		"guid":   {roleToken, "pull", "roleAssignmentName", guid, true, obj{"scope": "/subscriptions/s", "principalId": "p", "roleDefinitionId": "r"}},
		"budget": {budToken, "b", "budgetName", `^b[0-9a-f]{8}$`, true, obj{"scope": "/subscriptions/s", "amount": 1.0, "category": "Cost", "timeGrain": "Monthly", "timePeriod": obj{"startDate": "2024-01-01"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := testServer(t, newFake())
			first := unpack(t, resourceOf(t, srv, c.token, c.urn).checked(toMap(c.in)))
			got := first.Get(c.key)
			if !got.IsString() || !regexp.MustCompile(c.want).MatchString(got.AsString()) {
				t.Errorf("%s is %v", c.key, got.GoString())
			}
			if has := first.Get(createBeforeDelete).IsBool(); has != c.flag {
				t.Errorf("%s is there: %v, expected %v", createBeforeDelete, has, c.flag)
			}
			again := unpack(t, resourceOf(t, srv, c.token, c.urn).checked(toMap(c.in)))
			if !again.Equals(first) {
				t.Error("the same seed gives another name")
			}
			r := resourceOf(t, srv, c.token, c.urn)
			r.inputs = pack(t, first.Set(c.key, property.New(first.Get(c.key).AsString())))
			kept, fails := r.check(toMap(c.in), func(q *pulumirpc.CheckRequest) { q.RandomSeed = []byte("other") })
			if len(fails) > 0 || !unpack(t, kept).Equals(first) {
				t.Errorf("the old name is not kept: %v", kept)
			}
		})
	}
}

// The official plugin's name for the seed that its own recording has: the same
// random source is used.
func TestAutonamingIsPulumis(t *testing.T) {
	t.Parallel()
	a, err := makeName(nameRandom, "rg", []byte("x"))
	must(t, err)
	b, err := makeName(nameRandom, "rg", []byte("x"))
	must(t, err)
	c, err := makeName(nameRandom, "rg", []byte("y"))
	must(t, err)
	if a != b || a == c || len(a) != 10 {
		t.Errorf("names %q, %q, %q", a, b, c)
	}
	g1, err := makeGUID(nil)
	must(t, err)
	g2, err := makeGUID(nil)
	must(t, err)
	if g1 == g2 {
		t.Errorf("two GUIDs without a seed are both %q", g1)
	}
}

func TestAutonamingModes(t *testing.T) {
	t.Parallel()
	type options = pulumirpc.CheckRequest_AutonamingOptions
	for name, c := range map[string]struct {
		token, key string
		in         obj
		auto       *options
		want       string
		flag, fail bool
	}{
		"disabled":      {idToken, "resourceName", obj{"resourceGroupName": "rg"}, &options{Mode: pulumirpc.CheckRequest_AutonamingOptions_DISABLE}, "", false, true},
		"enforced":      {idToken, "resourceName", obj{"resourceGroupName": "rg"}, &options{Mode: pulumirpc.CheckRequest_AutonamingOptions_ENFORCE, ProposedName: "exactly"}, "exactly", false, false},
		"proposed":      {idToken, "resourceName", obj{"resourceGroupName": "rg"}, &options{Mode: pulumirpc.CheckRequest_AutonamingOptions_PROPOSE, ProposedName: "perhaps"}, "perhaps", true, false},
		"proposed GUID": {roleToken, "roleAssignmentName", obj{"scope": "/subscriptions/s", "principalId": "p", "roleDefinitionId": "r"}, &options{Mode: pulumirpc.CheckRequest_AutonamingOptions_PROPOSE, ProposedName: "no-guid"}, "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := resourceOf(t, testServer(t, newFake()), c.token, "n")
			out, fails := r.check(toMap(c.in), func(q *pulumirpc.CheckRequest) { q.Autonaming = c.auto })
			if c.fail != (len(fails) > 0) {
				t.Fatalf("failures %v", fails)
			}
			m := unpack(t, out)
			if got := m.Get(c.key); c.want != "" && (!got.IsString() || got.AsString() != c.want) {
				t.Errorf("name %v, expected %q", got.GoString(), c.want)
			}
			if m.Get(createBeforeDelete).IsBool() != c.flag {
				t.Errorf("%s: %v", createBeforeDelete, m.Get(createBeforeDelete))
			}
		})
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()
	group := "/subscriptions/" + testSubscription + "/resourcegroups/rg"
	in := obj{"resourceGroupName": "rg", "resourceName": "one"}
	check := func(t *testing.T, f *fake, config, option string, in, old obj) property.Value {
		s := testServer(t, f)
		s.opts.Location = option
		s.config[locationKey] = config
		r := resourceOf(t, s, idToken, "id")
		if old != nil {
			r.inputs = pack(t, toMap(old))
		}
		out, fails := r.check(toMap(in))
		if len(fails) > 0 {
			t.Fatal(fails)
		}
		return unpack(t, out).Get(locationKey)
	}
	f := newFake()
	f.put(group, obj{"location": "northeurope"})
	given := obj{"resourceGroupName": "rg", "resourceName": "one", "location": "uksouth"}
	for name, c := range map[string]struct {
		config, option string
		in, old        obj
		want           string
	}{
		"given":  {"westus", "eastus", given, obj{"location": "uksouth"}, "uksouth"},
		"old":    {"westus", "eastus", in, obj{"location": "uksouth"}, "uksouth"},
		"config": {"westus", "eastus", in, nil, "westus"},
		"option": {"", "eastus", in, nil, "eastus"},
		"group":  {"", "", in, nil, "northeurope"},
	} {
		if got := check(t, f, c.config, c.option, c.in, c.old); !got.IsString() || got.AsString() != c.want {
			t.Errorf("%s: %v, expected %s", name, got.GoString(), c.want)
		}
	}
	if got := check(t, newFake(), "", "", in, nil); !got.IsComputed() {
		t.Errorf("a group that is not there: %v", got.GoString())
	}
	s := testServer(t, newFake())
	s.opts.Location = ""
	open := toMap(in).Set("resourceGroupName", property.New(property.Computed))
	if got := unpack(t, resourceOf(t, s, idToken, "id").checked(open)).Get(locationKey); !got.IsComputed() {
		t.Errorf("an unknown group: %v", got.GoString())
	}
	if _, fails := resourceOf(t, s, rgToken, "rg").check(property.Map{}); len(fails) != 1 || fails[0].GetProperty() != locationKey {
		t.Errorf("a group without a region: %v", fails)
	}
}
