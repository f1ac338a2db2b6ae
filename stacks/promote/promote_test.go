package promote_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/promote"
	"github.com/envctl/envctl/stacks/state"
)

const (
	imageID = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	digest  = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	other   = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
)

var (
	now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ref = stacks.Ref{Experiment: "exp", Instance: "default", Target: "local"}
)

func define() *definition.Definition {
	w := definition.Workload{CPU: 0.5, Memory: 1 << 30, Env: map[string]string{"LEVEL": "info"}, Build: &definition.Build{Context: "."}}
	return &definition.Definition{Name: "exp", Apps: map[string]definition.App{
		"api": {Workload: w, Ingress: &definition.Ingress{Port: 8080, Public: true}, Scale: definition.Scale{Max: 1, Concurrency: 10}},
	}, Budget: &definition.Budget{Amount: 5, Currency: "USD", Alerts: []int{50}}}
}

func planOf(t *testing.T, target string, image plan.Image) *plan.Plan {
	t.Helper()
	def := define()
	if target == plan.Azure {
		def.Targets.Azure = &definition.Azure{Location: "swedencentral"}
	}
	p, err := plan.New(def, plan.Options{Instance: "default", Target: target, Images: map[string]plan.Image{"api": image}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func pushed() plan.Image {
	return plan.Image{Ref: imageID, Tag: "envctl/exp.default/api:1", Digest: digest, Repository: "exp/api", Build: &plan.Build{Source: imageID}}
}

// healthy is an experiment that runs locally as its definition says.
func healthy(t *testing.T) promote.Source {
	t.Helper()
	raw, err := json.Marshal(planOf(t, "local", pushed()))
	if err != nil {
		t.Fatal(err)
	}
	record := state.Record{Ref: ref, Definition: definition.Hash(define()), Plan: raw, Applied: &state.Applied{Program: "p"}}
	record.Last = state.Started("up", now).Finished(now, nil)
	return promote.Source{Record: record, Known: true, Observed: stacks.Observation{Apps: []stacks.AppStatus{{Name: "api", State: stacks.AppRunning, Since: now}}}}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	local, err := promote.Check(define(), ref, healthy(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := promote.Images(local, nil); err != nil || got["api"].Digest != digest {
		t.Fatalf("%v, %v", got, err)
	}
	for name, c := range map[string]struct {
		break_ func(*promote.Source, *definition.Definition)
		part   string
	}{
		"never ran":    {func(s *promote.Source, _ *definition.Definition) { *s = promote.Source{} }, "never ran"},
		"up failed":    {func(s *promote.Source, _ *definition.Definition) { s.Record.Applied = nil }, "did not succeed"},
		"killed":       {func(s *promote.Source, _ *definition.Definition) { s.Record.Last.Ended = time.Time{} }, "did not succeed"},
		"edited since": {func(_ *promote.Source, d *definition.Definition) { d.TTL = 5 }, "changed since"},
		"unhealthy": {func(s *promote.Source, _ *definition.Definition) {
			s.Observed.Apps[0].State, s.Observed.Apps[0].Reason = stacks.AppUnhealthy, "status 500"
		}, `app "api" is unhealthy locally: status 500`},
		"drift": {func(s *promote.Source, _ *definition.Definition) {
			s.Observed.Drift = []stacks.Drift{{Resource: "network", Want: "present", Got: "missing"}}
		}, "network is missing"},
	} {
		s, def := healthy(t), define()
		c.break_(&s, def)
		_, err := promote.Check(def, ref, s)
		var refused *promote.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.part) || refused.Hint() == "" || refused.ExitStatus() != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An image that only the engine has is put into a registry, and is the same then.
func TestAnImageOfTheEngineIsPublished(t *testing.T) {
	t.Parallel()
	local := planOf(t, "local", plan.Image{Ref: imageID})
	got, err := promote.Images(local, func(workload, id string) (plan.Image, error) {
		return plan.Image{Ref: id, Repository: "exp/" + workload, Digest: digest, Keep: true}, nil
	})
	want := map[string]plan.Image{"api": {Ref: imageID, Repository: "exp/api", Digest: digest, Keep: true}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	azure := planOf(t, plan.Azure, plan.Image{Ref: "exp/api@" + digest, Digest: digest, Repository: "exp/api", Keep: true})
	if d := promote.Compare(local, azure, got); len(d.Other) != 0 || d.Same["api"] != digest {
		t.Errorf("%+v", d)
	}
	broken := errors.New("no space")
	if _, err := promote.Images(local, func(string, string) (plan.Image, error) { return plan.Image{}, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// Between the two plans nothing but addresses may differ, and the digest is one.
func TestCompare(t *testing.T) {
	t.Parallel()
	local, ran := planOf(t, "local", pushed()), map[string]plan.Image{"api": pushed()}
	azure := planOf(t, plan.Azure, plan.Image{Ref: "exp/api@" + digest, Digest: digest, Repository: "exp/api", Keep: true})
	d := promote.Compare(local, azure, ran)
	if len(d.Other) != 0 || d.Err(ref) != nil || len(d.Addresses) == 0 {
		t.Errorf("%+v", d)
	}
	if diff := cmp.Diff(map[string]string{"api": digest}, d.Same); diff != "" {
		t.Error(diff)
	}
	moved := planOf(t, plan.Azure, plan.Image{Ref: "exp/api@" + other, Digest: other, Repository: "exp/api"})
	if err := promote.Compare(local, moved, ran).Err(ref); err == nil || !strings.Contains(err.Error(), other) {
		t.Errorf("another digest: %v", err)
	}
	def := define()
	app := def.Apps["api"]
	app.Env = map[string]string{"LEVEL": "debug"}
	def.Apps["api"] = app
	edited, err := plan.New(def, plan.Options{Instance: "default", Target: plan.Azure,
		Images: map[string]plan.Image{"api": {Ref: "exp/api@" + digest, Digest: digest, Repository: "exp/api"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := promote.Compare(local, edited, ran).Err(ref); err == nil || !strings.Contains(err.Error(), "env.LEVEL is info and would be debug") {
		t.Errorf("another variable: %v", err)
	}
}

// Whatever a definition says of its targets, one that was not changed is promoted; a
// model that is another one is not.
func TestCompareEveryDefinition(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../components/definition/testdata/valid/*.yaml")
	examples, _ := filepath.Glob("../../examples/*/envctl.yaml")
	if err != nil || len(files) < 20 || len(examples) == 0 {
		t.Fatal(err, len(files), len(examples))
	}
	models := 0
	for _, file := range append(files, examples...) {
		if strings.Contains(file, "from-environment") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		def, err := definition.Read(data, definition.ReadOptions{File: file, Dir: filepath.Dir(file)})
		if err != nil {
			t.Fatal(err)
		}
		if def.Kind == definition.KindPlatform {
			continue
		}
		here, images := ranAndWillRun(t, def)
		there := images(plan.Azure, def)
		if err := promote.Compare(here, there, imagesOf(def)).Err(ref); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
		for name, m := range def.Models {
			models++
			m.Model = "another"
			def.Models[name] = m
			if err := promote.Compare(here, images(plan.Azure, def), imagesOf(def)).Err(ref); err == nil || !strings.Contains(err.Error(), "would be another") {
				t.Errorf("%s with another model: %v", filepath.Base(file), err)
			}
		}
	}
	if models == 0 {
		t.Error("no definition had a model")
	}
}

// imagesOf are what runs locally, by workload.
func imagesOf(def *definition.Definition) map[string]plan.Image {
	out := map[string]plan.Image{}
	add := func(name string, w definition.Workload) {
		image := pushed()
		image.Build.Files = w.Files
		out[name] = image
	}
	for name, app := range def.Apps {
		add(name, app.Workload)
	}
	for name, job := range def.Jobs {
		add(name, job.Workload)
	}
	return out
}

// ranAndWillRun is the local plan of a definition, and how another is made.
func ranAndWillRun(t *testing.T, def *definition.Definition) (*plan.Plan, func(string, *definition.Definition) *plan.Plan) {
	t.Helper()
	of := func(target string, def *definition.Definition) *plan.Plan {
		t.Helper()
		images := imagesOf(def)
		for name, image := range images {
			if target == plan.Azure {
				images[name] = plan.Image{Ref: "exp/api@" + digest, Digest: digest, Repository: "exp/api", Keep: true, Build: image.Build}
			}
		}
		p, err := plan.New(def, plan.Options{Instance: "default", Target: target, Images: images})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	return of("local", def), of
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if list, err := promote.Receipts(dir, "exp", "default"); list != nil || err != nil {
		t.Fatalf("%v, %v", list, err)
	}
	first := promote.Receipt{Experiment: "exp", Instance: "default", Definition: "d", Images: map[string]string{"api": digest}, When: now, Who: "ann",
		Health: promote.Healths(stacks.Observation{Apps: []stacks.AppStatus{{Name: "api", State: stacks.AppRunning}}}), Changes: stacks.Changes{Create: 3}}
	second := first
	second.When = now.Add(time.Hour)
	for _, r := range []promote.Receipt{second, first} {
		if _, err := promote.Save(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := promote.Save(dir, first); err == nil {
		t.Error("a receipt was overwritten")
	}
	list, err := promote.Receipts(dir, "exp", "default")
	if err != nil || len(list) != 2 || !list[0].When.Equal(now) || list[0].Images["api"] != digest || list[0].Health[0].State != "running" {
		t.Errorf("%+v, %v", list, err)
	}
	if list, _ := promote.Receipts(dir, "exp", "other"); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	for _, bad := range []promote.Receipt{{}, {Experiment: "../x", Instance: "default", When: now}} {
		if path, err := promote.Save(dir, bad); err == nil {
			t.Errorf("%+v was kept as %s", bad, path)
		}
	}
	damaged := filepath.Join(dir, "receipts", "exp.default.1.json")
	if err := os.WriteFile(damaged, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := promote.Receipts(dir, "exp", "default"); err == nil || !strings.Contains(err.Error(), damaged) {
		t.Errorf("%v", err)
	}
}
