package plan_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	edit := func(def *definition.Definition, name string, change func(*definition.App)) {
		a := def.Apps[name]
		change(&a)
		def.Apps[name] = a
	}
	tests := map[string]struct {
		change func(*definition.Definition, *plan.Options)
		want   []plan.Change
	}{
		"nothing": {func(*definition.Definition, *plan.Options) {}, nil},
		"needs in another order": {func(d *definition.Definition, _ *plan.Options) {
			edit(d, "web", func(a *definition.App) { a.Needs = []string{"api", "store"} })
		}, nil},
		"the image": {func(_ *definition.Definition, o *plan.Options) { o.Images["web"] = plan.Image{Ref: sumB} },
			[]plan.Change{{Op: plan.Changed, Kind: "app", Workload: "web", Props: []plan.Property{
				{Path: "image.ref", Old: "docker.io/library/web@" + sumA, New: sumB},
			}}}},
		"variables, a list, a number and a part": {func(d *definition.Definition, _ *plan.Options) {
			edit(d, "api", func(a *definition.App) {
				a.Env = map[string]string{"A.B": "d", "NEW": ""}
				a.Args, a.Memory, a.Health = a.Args[:1], 1<<60+1, nil
			})
		}, []plan.Change{{Op: plan.Changed, Kind: "app", Workload: "api", Props: []plan.Property{
			{Path: "args[1]", Old: "-v"},
			{Path: "env.LOG_LEVEL", Old: "info"},
			{Path: "env.NEW", New: ""},
			{Path: `env["A.B"]`, Old: "c", New: "d"},
			{Path: "health.grace", Old: json.Number("30")},
			{Path: "health.interval", Old: json.Number("10")},
			{Path: "health.path", Old: "/healthz"},
			{Path: "health.retries", Old: json.Number("3")},
			{Path: "health.timeout", Old: json.Number("0.5")},
			{Path: "memory", Old: json.Number("2147483648"), New: json.Number("1152921504606846977")},
		}}}},
		"an app that becomes a job, and another instance": {func(d *definition.Definition, o *plan.Options) {
			d.Jobs["web"] = definition.Job{Workload: d.Apps["web"].Workload}
			delete(d.Apps, "web")
			o.Instance = "pr-1"
		}, []plan.Change{
			{Op: plan.Changed, Props: []plan.Property{{Path: "instance", Old: "default", New: "pr-1"}}},
			{Op: plan.Removed, Kind: "app", Workload: "web"},
			{Op: plan.Added, Kind: "job", Workload: "web"},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			def, opts := experiment(), options()
			tt.change(def, &opts)
			got := plan.Diff(mustNew(t, experiment(), options()), mustNew(t, def, opts))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestDiffWithNothing(t *testing.T) {
	t.Parallel()
	p := mustNew(t, experiment(), options())
	added, removed := plan.Diff(nil, p), plan.Diff(p, nil)
	if len(added) != 4 || len(removed) != 4 || added[0].Op != plan.Added || removed[3].Op != plan.Removed {
		t.Errorf("added %+v, removed %+v", added, removed)
	}
	if d := plan.Diff(nil, nil); d != nil {
		t.Errorf("two nothings differ by %+v", d)
	}
}
