package azure_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	godigest "github.com/opencontainers/go-digest"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
)

// pushed is a local registry that has one tag.
type pushed map[string]string // repository → digest

func (p pushed) Complete(repository, _ string) (godigest.Digest, bool, error) {
	sum, ok := p[repository]
	return godigest.Digest(sum), ok, nil
}

func sourced(t *testing.T) *definition.Definition {
	t.Helper()
	def := define()
	def.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(def.Dir, "Dockerfile"), []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := def.Apps["api"]
	a.Image, a.Build = "", &definition.Build{Context: ".", Dockerfile: "Dockerfile"}
	def.Apps["api"] = a
	return def
}

func prepare(t *testing.T, a *azure.Target, def *definition.Definition) (map[string]plan.Image, error) {
	t.Helper()
	return a.Prepare(t.Context(), stacks.Preparation{Definition: def, Ref: ref, OnEvent: none})
}

// A source has the digest that a local run pushed, and is not built anew.
func TestPrepare(t *testing.T) {
	t.Parallel()
	a, _, _ := newTarget()
	a.Images.Pushed = pushed{"exp/api": digest}
	def := sourced(t)
	got, err := prepare(t, a, def)
	api, sum := got["api"], got["sum"]
	if err != nil || api.Digest != digest || api.Ref != "exp/api@"+digest || api.Build == nil || !strings.HasPrefix(api.Build.Source, "sha256:") ||
		sum.Ref != "example.com/api@"+digest || sum.Digest != digest || sum.Repository != "" {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := plan.New(def, plan.Options{Instance: "default", Target: plan.Azure, Images: got}); err != nil {
		t.Error(err)
	}
}

func TestPrepareFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(d *definition.Definition)
		part   string
		hint   string
	}{
		"never built": {func(*definition.Definition) {}, "has not been built from the source as it is now", "--build"},
		"only here":   {func(d *definition.Definition) { j := d.Jobs["sum"]; j.Image = other; d.Jobs["sum"] = j }, "only the local engine has", "envctl promote"},
		"extended": {func(d *definition.Definition) {
			j := d.Jobs["sum"]
			j.Files = map[string]string{"a": "/a"}
			d.Jobs["sum"] = j
		}, "adds files", "promote"},
		"extended and never built": {func(d *definition.Definition) {
			j := d.Jobs["sum"]
			j.Files = map[string]string{"a": "/a"}
			d.Jobs["sum"] = j
		}, "has not been built", "--build"},
	} {
		a, _, _ := newTarget()
		a.Images.Pushed = pushed{}
		def := sourced(t)
		c.change(def)
		_, err := prepare(t, a, def)
		if err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: %v", name, err)
		}
		for _, one := range joined(err) {
			if hint(one) == "" {
				t.Errorf("%s: no hint in %v", name, one)
			}
		}
	}
}

func joined(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

// --build builds as a local run does; what is given is taken as it is.
func TestPrepareBuildsOrTakes(t *testing.T) {
	t.Parallel()
	made := plan.Image{Ref: other, Tag: "envctl/exp.default/api:1", Digest: digest, Repository: "exp/api", Build: &plan.Build{Source: other}}
	a, _, _ := newTarget()
	a.Images.Pushed = pushed{}
	a.Images.Build = func(context.Context, stacks.Preparation) (map[string]plan.Image, error) {
		return map[string]plan.Image{"api": made, "sum": {Ref: other}}, nil
	}
	got, err := prepare(t, a, sourced(t))
	if err != nil || got["api"].Ref != "exp/api@"+digest || got["api"].Tag != "" || got["sum"].Ref != "example.com/api@"+digest {
		t.Errorf("%+v, %v", got, err)
	}
	a, _, _ = newTarget()
	a.Images.Given = map[string]plan.Image{"api": made, "sum": {Ref: "example.com/other@" + other}}
	got, err = prepare(t, a, sourced(t))
	if err != nil || got["api"].Digest != digest || got["sum"].Digest != other {
		t.Errorf("%+v, %v", got, err)
	}
	a.Images.Given["sum"] = plan.Image{Ref: other}
	var local *azure.LocalOnlyError
	if _, err := prepare(t, a, sourced(t)); !errors.As(err, &local) {
		t.Errorf("%v", err)
	}
}

// A tag is asked for once, and pinned in envctl.lock.
func TestPrepareResolvesATag(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v2/":
		case r.URL.Path == "/v2/team/sum/manifests/1" && r.Method == http.MethodHead:
			asked++
			w.Header().Set("Docker-Content-Digest", digest)
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.Header().Set("Content-Length", "100")
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	a, _, _ := newTarget()
	a.Images.Pushed = pushed{"exp/api": digest}
	def := sourced(t)
	j := def.Jobs["sum"]
	j.Image = host + "/team/sum:1"
	def.Jobs["sum"] = j
	for range 2 {
		if got, err := prepare(t, a, def); err != nil || got["sum"].Ref != host+"/team/sum@"+digest {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if lock, err := os.ReadFile(filepath.Join(def.Dir, "envctl.lock")); err != nil || !strings.Contains(string(lock), digest) || asked != 1 {
		t.Errorf("asked %d times, %s, %v", asked, lock, err)
	}
	j.Image = host + "/team/none:1"
	def.Jobs["sum"] = j
	var failed *azure.ResolveError
	if _, err := prepare(t, a, def); !errors.As(err, &failed) || !strings.Contains(err.Error(), "has no image") || failed.Hint() == "" {
		t.Errorf("%v", err)
	}
}

// A component is made of what fits, from where the images are; a soft-deleted
// account of ours is purged first, but not for a preview.
func TestComponent(t *testing.T) {
	t.Parallel()
	for _, dryRun := range []bool{true, false} {
		a, c, _ := newTarget()
		def := sourced(t)
		def.Models = map[string]definition.Model{"chat": {Model: "m", SKU: "Standard", Capacity: 1}}
		def.Budget = &definition.Budget{Amount: 5, Currency: "USD", Contacts: []string{"a@example.com"}}
		a.Images.Pushed = pushed{"exp/api": digest}
		started := false
		a.Images.Address = func(_ context.Context, start bool) (string, error) { started = start; return "127.0.0.1:5000", nil }
		a.Images.User = func(context.Context, string) (string, error) { return "65532", nil }
		images, err := prepare(t, a, def)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.New(def, plan.Options{Instance: "default", Target: plan.Azure, Images: images})
		if err != nil {
			t.Fatal(err)
		}
		account := registryAccount(t)
		c.Has(sub, `{"state":"Enabled"}`)
		c.Has(group+"/providers/Microsoft.Consumption/budgets/exp-default", `{"properties":{"timePeriod":{"startDate":"2026-09-01T00:00:00Z"}}}`)
		c.Lists(accounts+"/locations/swedencentral/models", `{"kind":"OpenAI","model":{"name":"m","version":"1","isDefaultVersion":true,"skus":[{"name":"Standard"}]}}`)
		c.Lists(accounts+"/deletedAccounts", deletedAccount(account, "g", ours))
		made, err := a.Component(t.Context(), p, dryRun)
		if err != nil {
			t.Fatal(err)
		}
		stack := made.(*target.Stack)
		if image := stack.Images["api"]; image.Source != "127.0.0.1:5000/exp/api@"+digest || image.Digest != digest || image.Repository != "exp/api" {
			t.Errorf("%+v", image)
		}
		if image := stack.Images["sum"]; image.Source != "example.com/api@"+digest || image.Repository != "exp/sum" {
			t.Errorf("%+v", image)
		}
		if s := stack.Settings; s.BudgetStart.Format("2006-01") != "2026-09" || s.Definition != definition.Hash(def) || s.Location != "swedencentral" || !s.Simulated {
			t.Errorf("%+v", s)
		}
		if purged := len(c.Calls("DELETE")) == 1; purged == dryRun || started == dryRun {
			t.Errorf("dry run %v: purged %v, started %v", dryRun, purged, started)
		}
		c.Lists(accounts + "/locations/swedencentral/models")
		if _, err := a.Component(t.Context(), p, dryRun); err == nil || !strings.Contains(err.Error(), "nothing was made") {
			t.Errorf("%v", err)
		}
	}
}
