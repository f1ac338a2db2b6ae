package policies_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/policies"
)

const sum = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// clean is a definition that no rule has anything against, after change.
func clean(change ...func(*definition.App)) *definition.Definition {
	app := definition.App{
		Workload: definition.Workload{Image: "web@" + sum, CPU: 0.5, Memory: 1 << 30, Env: map[string]string{"LOG_LEVEL": "info"}},
		Ingress:  &definition.Ingress{Port: 80, Public: true}, Health: &definition.Health{Path: "/"},
	}
	for _, f := range change {
		f(&app)
	}
	return &definition.Definition{
		Kind: definition.KindExperiment, Name: "x", TTL: 1, Apps: map[string]definition.App{"web": app},
		Jobs: map[string]definition.Job{"once": {Workload: definition.Workload{Image: "job@" + sum, CPU: 0.5, Memory: 1 << 30}}},
	}
}

// lines returns severity, rule and path of each finding.
func lines(findings []policies.Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, fmt.Sprintf("%s %s %s", f.Severity, f.Rule, f.Path))
	}
	return list
}

func TestRules(t *testing.T) {
	t.Parallel()
	root, other := int64(0), int64(1)
	egress := func(entries ...string) *definition.Definition {
		return clean(func(a *definition.App) { a.Egress = entries })
	}
	tests := map[string]struct {
		in   policies.Input
		want []string
	}{
		"clean":               {policies.Input{Definition: clean()}, nil},
		"root":                {policies.Input{Definition: clean(func(a *definition.App) { a.User = &root })}, []string{"deny no-root apps.web.user"}},
		"another user":        {policies.Input{Definition: clean(func(a *definition.App) { a.User = &other })}, nil},
		"root in a job":       {policies.Input{Definition: withJob(definition.Workload{User: &root})}, []string{"deny no-root jobs.once.user"}},
		"a tag, pins unknown": {policies.Input{Definition: clean(func(a *definition.App) { a.Image = "web:1" })}, nil},
		"a tag, not pinned": {policies.Input{Definition: clean(func(a *definition.App) { a.Image = "web:1" }), Pin: pins()},
			[]string{"warning pinned-images apps.web.image"}},
		"a tag, pinned":  {policies.Input{Definition: clean(func(a *definition.App) { a.Image = "web:1" }), Pin: pins("web:1")}, nil},
		"a tag, planned": {policies.Input{Definition: clean(func(a *definition.App) { a.Image = "web:1" }), Pin: pins(), Plan: planned(t)}, nil},
		"public without health": {policies.Input{Definition: clean(func(a *definition.App) { a.Health = nil })},
			[]string{"warning public-health apps.web.health"}},
		"inner without health": {policies.Input{Definition: clean(func(a *definition.App) { a.Health, a.Ingress.Public = nil, false })}, nil},
		"models without budget": {policies.Input{Definition: clean(func(a *definition.App) { a.Models = []string{"chat"} })},
			[]string{"warning budgeted-models budget"}},
		"no expiry": {policies.Input{Definition: with(clean(), func(d *definition.Definition) { d.TTL = 0 })}, []string{"info expiry ttl"}},
		"models with budget": {policies.Input{Definition: with(clean(func(a *definition.App) { a.Models = []string{"chat"} }),
			func(d *definition.Definition) { d.Budget = &definition.Budget{Amount: 1} })}, nil},
		"narrow egress": {policies.Input{Definition: egress("github.io", "com:443", "*.example.com", "*.example.co.uk:443", "*.a.github.io")}, nil},
		"wide egress": {policies.Input{Definition: egress("*", "*.com", "*.co.uk:443", "*.GitHub.io", "*.blob.core.windows.net", "*:80", "*.unlisted")},
			[]string{
				"deny narrow-egress apps.web.egress[0]", "deny narrow-egress apps.web.egress[1]", "deny narrow-egress apps.web.egress[2]",
				"deny narrow-egress apps.web.egress[3]", "deny narrow-egress apps.web.egress[4]", "deny narrow-egress apps.web.egress[5]",
				"deny narrow-egress apps.web.egress[6]",
			}},
		"a platform": {policies.Input{Definition: &definition.Definition{Kind: definition.KindPlatform, Name: "p"}}, nil},
		"gravest first": {policies.Input{Definition: with(clean(func(a *definition.App) { a.Health, a.User = nil, &root }),
			func(d *definition.Definition) { d.TTL = 0 })},
			[]string{"deny no-root apps.web.user", "warning public-health apps.web.health", "info expiry ttl"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := policies.Evaluate(tt.in)
			if d := cmp.Diff(tt.want, lines(got)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			for _, f := range got {
				if f.Message == "" || f.Hint == "" || !strings.Contains(f.String(), f.Path) {
					t.Errorf("not in three parts: %+v", f)
				}
			}
		})
	}
}

func with(d *definition.Definition, change func(*definition.Definition)) *definition.Definition {
	change(d)
	return d
}

func withJob(w definition.Workload) *definition.Definition {
	return with(clean(), func(d *definition.Definition) {
		w.Image = "job@" + sum
		d.Jobs = map[string]definition.Job{"once": {Workload: w}}
	})
}

func pins(known ...string) func(string) (string, bool) {
	return func(ref string) (string, bool) { return sum, slices.Contains(known, ref) }
}

func planned(t *testing.T) *plan.Plan {
	t.Helper()
	p, err := plan.New(clean(), plan.Options{Instance: "default", Target: "local", Images: map[string]plan.Image{
		"web": {Ref: "web@" + sum}, "once": {Ref: "job@" + sum},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Keys are put together at run time so that no scanner takes this file for a leak.
func TestKeysAreFoundAndNeverShown(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("aB3", 30)
	keys := map[string]string{
		"a private key":        "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIB",
		"an AWS access key":    "AKIA" + "ABCDEFGH12345678",
		"a GitHub token":       "ghp_" + long[:36],
		"a GitLab token":       "glpat-" + long[:20],
		"an Anthropic key":     "sk-" + "ant-api03-" + long,
		"an OpenAI key":        "sk-" + "proj-" + long,
		"a Google API key":     "AIza" + long[:35],
		"a Slack token":        "xoxb-" + "123456789012-" + long[:12],
		"a Stripe key":         "sk_" + "live_" + long[:24],
		"an npm token":         "npm_" + long[:36],
		"a PyPI token":         "pypi-" + "AgEIcHlwaS5vcmc" + long,
		"a Hugging Face token": "hf_" + long[:34],
		"an Azure storage key": "AccountName=a;AccountKey=" + long[:86] + "==;",
	}
	for kind, key := range keys {
		for path, place := range map[string]func(*definition.App){
			"apps.web.env.K":        func(a *definition.App) { a.Env["K"] = "prefix " + key },
			"apps.web.args[1]":      func(a *definition.App) { a.Args = []string{"a", "--key=" + key} },
			"apps.web.command[0]":   func(a *definition.App) { a.Command = []string{key} },
			"apps.web.build.args.K": func(a *definition.App) { a.Image, a.Build = "", &definition.Build{Args: map[string]string{"K": key}} },
		} {
			findings := policies.Evaluate(policies.Input{Definition: clean(place)})
			if d := cmp.Diff([]string{"deny no-plain-secrets " + path}, lines(findings)); d != "" {
				t.Errorf("%s: %s", kind, d)
				continue
			}
			if !strings.Contains(findings[0].Message, kind) {
				t.Errorf("%s is taken for another: %s", kind, findings[0].Message)
			}
			if text, _ := json.Marshal(findings); strings.Contains(string(text), key[4:]) {
				t.Errorf("the finding shows the key: %s", text)
			}
		}
	}
}

func TestOrdinaryValuesAreNoKeys(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", "info", "http://store:8080/path?x=y", "sk-learn", "task-management-service-name-long", "risk-assessment-v2", "sk-short",
		"550e8400-e29b-41d4-a716-446655440000", "sha256:" + strings.Repeat("a", 64), "AKIA", "postgres://app@store:5432/db",
		"arn:aws:iam::123456789012:role/AKIAlike", "-----BEGIN CERTIFICATE-----", "ghp_documentation", "sk-learn-compatible-estimators",
	} {
		in := policies.Input{Definition: clean(func(a *definition.App) { a.Env["V"] = value })}
		if got := policies.Evaluate(in); len(got) > 0 {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	root := int64(0)
	tests := map[string]struct {
		waive map[string]string
		want  []string
	}{
		"none":        {nil, []string{"deny no-root apps.web.user"}},
		"with reason": {map[string]string{"no-root": "the image needs it"}, []string{"info no-root apps.web.user"}},
		"no reason":   {map[string]string{"no-root": " "}, []string{"deny no-root apps.web.user", "deny waivers waive.no-root"}},
		"misspelt":    {map[string]string{"no-rot": "x"}, []string{"deny no-root apps.web.user", "deny waivers waive.no-rot"}},
		"needless":    {map[string]string{"no-root": "x", "expiry": "y"}, []string{"info no-root apps.web.user", "info waivers waive.expiry"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			def := clean(func(a *definition.App) { a.User = &root })
			def.Waive = tt.waive
			if d := cmp.Diff(tt.want, lines(policies.Evaluate(policies.Input{Definition: def}))); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
	def := clean(func(a *definition.App) { a.User = &root })
	def.Waive = map[string]string{"no-root": "the image needs it"}
	if got := policies.Evaluate(policies.Input{Definition: def})[0]; !strings.Contains(got.String(), "the image needs it") {
		t.Errorf("the reason is not told: %s", got)
	}
}

func TestDenied(t *testing.T) {
	t.Parallel()
	root := int64(0)
	if err := policies.Denied(policies.Evaluate(policies.Input{Definition: clean(func(a *definition.App) { a.Health = nil })})); err != nil {
		t.Errorf("a warning denies: %v", err)
	}
	err := policies.Denied(policies.Evaluate(policies.Input{Definition: clean(func(a *definition.App) { a.User, a.Health = &root, nil })}))
	var denied *policies.DeniedError
	if !errors.As(err, &denied) || len(denied.Findings) != 1 || denied.ExitStatus() != 3 || denied.Path() != "apps.web.user" {
		t.Fatalf("%#v", err)
	}
	if !strings.Contains(denied.Hint(), "waive: {no-root: …}") || !strings.Contains(denied.Error(), "apps.web.user") {
		t.Errorf("%s; %s", denied, denied.Hint())
	}
}

func TestRulesAreSortedAndNamed(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, r := range policies.Rules() {
		ids = append(ids, r.ID)
		if r.Title == "" || r.Check == nil {
			t.Errorf("%+v", r)
		}
	}
	if !slices.IsSorted(ids) || len(slices.Compact(ids)) != len(policies.Rules()) {
		t.Error(ids)
	}
}
