package plan_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

const (
	sumA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// experiment has every field that a plan can carry.
func experiment() *definition.Definition {
	uid := int64(1000)
	second := definition.Duration(time.Second)
	return &definition.Definition{
		Kind: definition.KindExperiment, Name: "csv-insights",
		Apps: map[string]definition.App{
			"web": {Workload: definition.Workload{Image: "web", CPU: 0.5, Memory: 1 << 30, Needs: []string{"store", "api"}}},
			"api": {
				Workload: definition.Workload{
					Build: &definition.Build{Context: "."}, User: &uid, Command: []string{"/api"}, Args: []string{"serve", "-v"},
					Env: map[string]string{"LOG_LEVEL": "info", "A.B": "c"}, Secrets: map[string]string{"DB": "db"},
					CPU: 1, Memory: 2 << 30, Models: []string{"z", "a"}, Needs: []string{"store"},
					Egress: []string{"b.example", "a.example"}, Scratch: 1 << 29, Files: map[string]string{"x.csv": "/data/x.csv"},
				},
				Ingress: &definition.Ingress{Port: 8080, Public: true},
				Health:  &definition.Health{Path: "/healthz", Interval: 10 * second, Timeout: second / 2, Retries: 3, Grace: 30 * second},
				Scale:   definition.Scale{Max: 3, Concurrency: 20},
			},
			"store": {Workload: definition.Workload{Image: "store", CPU: 0.5, Memory: 1 << 30}, Ingress: &definition.Ingress{Port: 1}},
		},
		Jobs: map[string]definition.Job{
			"analyze": {
				Workload: definition.Workload{Image: "job", CPU: 0.25, Memory: 1 << 29, Needs: []string{"api"}},
				Schedule: "0 6 * * *", Timeout: 600 * second, Retries: 1, Outputs: "/out",
			},
		},
	}
}

func options() plan.Options {
	return plan.Options{
		Instance: "default", Target: "local", Expires: time.Date(2026, 11, 24, 9, 0, 0, 500, time.FixedZone("", 3600)),
		Images: map[string]plan.Image{
			"web": {Ref: "docker.io/library/web@" + sumA}, "store": {Ref: sumB, Keep: true}, "analyze": {Ref: sumA},
			"api": {Ref: sumA, Tag: "envctl/x/api:0", Build: &plan.Build{
				Context: "/src", Dockerfile: "Dockerfile", Args: map[string]string{"V": "1"},
				Files: map[string]string{"/src/x.csv": "/data/x.csv"}, Source: sumB,
			}},
		},
	}
}

func mustNew(t *testing.T, def *definition.Definition, opts plan.Options) *plan.Plan {
	t.Helper()
	p, err := plan.New(def, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNewSettlesEverything(t *testing.T) {
	t.Parallel()
	got := mustNew(t, experiment(), options()).Spec()
	want := plan.Spec{
		Experiment: "csv-insights", Instance: "default", Target: "local", Expires: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC),
		Workloads: []plan.Workload{
			{
				Kind: plan.App, Name: "api", Image: options().Images["api"], User: 1000,
				Command: []string{"/api"}, Args: []string{"serve", "-v"},
				Env: map[string]string{"LOG_LEVEL": "info", "A.B": "c"}, Secrets: map[string]string{"DB": "db"},
				CPU: 1, Memory: 2 << 30, Scratch: 1 << 29, Needs: []string{"store"}, Models: []string{"z", "a"},
				Egress:  []string{"a.example", "b.example"},
				Ingress: &plan.Ingress{Port: 8080, Public: true},
				Health:  &plan.Health{Path: "/healthz", Interval: 10, Timeout: 0.5, Retries: 3, Grace: 30},
				Scale:   &plan.Scale{Max: 3, Concurrency: 20},
			},
			{
				Kind: plan.App, Name: "store", Image: plan.Image{Ref: sumB, Keep: true}, User: plan.DefaultUser,
				CPU: 0.5, Memory: 1 << 30, Ingress: &plan.Ingress{Port: 1}, Scale: &plan.Scale{},
			},
			{
				Kind: plan.App, Name: "web", Image: plan.Image{Ref: "docker.io/library/web@" + sumA}, User: plan.DefaultUser,
				CPU: 0.5, Memory: 1 << 30, Needs: []string{"api", "store"}, Scale: &plan.Scale{},
			},
			{
				Kind: plan.Job, Name: "analyze", Image: plan.Image{Ref: sumA}, User: plan.DefaultUser, CPU: 0.25, Memory: 1 << 29,
				Needs: []string{"api"}, Run: &plan.Run{Schedule: "0 6 * * *", Timeout: 600, Retries: 1, Outputs: "/out"},
			},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("spec (-want +got):\n%s", d)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*definition.Definition, *plan.Options)
		want   string
	}{
		"a missing image": {func(_ *definition.Definition, o *plan.Options) { delete(o.Images, "web") }, `app "web" has no image`},
		"an image of nothing": {func(_ *definition.Definition, o *plan.Options) { o.Images["wbe"] = plan.Image{Ref: sumA} },
			`for workload "wbe", which the definition does not have`},
		"a tag": {func(_ *definition.Definition, o *plan.Options) { o.Images["web"] = plan.Image{Ref: "web:1"} },
			`image "web:1" is named by a tag`},
		"files that are not in the image": {func(_ *definition.Definition, o *plan.Options) {
			o.Images["api"].Build.Files["/src/x.csv"] = "/elsewhere"
		}, `puts files at ["/data/x.csv"]`},
		"files without a build": {func(_ *definition.Definition, o *plan.Options) { o.Images["api"] = plan.Image{Ref: sumA} },
			`was made with files at []`},
		"a platform": {func(d *definition.Definition, _ *plan.Options) { d.Kind = definition.KindPlatform }, "is a Platform"},
		"an instance that is no label": {func(_ *definition.Definition, o *plan.Options) { o.Instance = "a.b" },
			`instance "a.b" is not a DNS label`},
		"no target": {func(_ *definition.Definition, o *plan.Options) { o.Target = "" }, `target ""`},
		"a name taken twice": {func(d *definition.Definition, _ *plan.Options) { d.Jobs["web"] = d.Jobs["analyze"] },
			`job "web" has the name of the app "web"`},
		"a circle": {func(d *definition.Definition, _ *plan.Options) {
			store := d.Apps["store"]
			store.Needs = []string{"api"}
			d.Apps["store"] = store
		}, "needs go in a circle (api → store → api)"},
		"a need that is not there": {func(d *definition.Definition, _ *plan.Options) {
			web := d.Apps["web"]
			web.Needs = []string{"db"}
			d.Apps["web"] = web
		}, `app "web" needs "db"`},
		"no memory": {func(d *definition.Definition, _ *plan.Options) {
			web := d.Apps["web"]
			web.Memory = 0
			d.Apps["web"] = web
		}, "memory 0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			def, opts := experiment(), options()
			tt.change(def, &opts)
			_, err := plan.New(def, opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v does not contain %q", err, tt.want)
			}
		})
	}
}

func TestNewReportsEveryImageAtOnce(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.Images = nil
	_, err := plan.New(experiment(), opts)
	for _, name := range []string{"api", "store", "web", "analyze"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %q", err, name)
		}
	}
}

func TestCheckRef(t *testing.T) {
	t.Parallel()
	for ref, ok := range map[string]bool{
		sumA: true, "web@" + sumA: true, "127.0.0.1:5000/a/b@" + sumA: true,
		"": false, "web": false, "web:1": false, "web:1@" + sumA: false, "@" + sumA: false, "WEB@" + sumA: false,
		"web@sha256:abc": false, "sha256:abc": false, "sha256:" + strings.Repeat("A", 64): false,
		"web@sha512:" + strings.Repeat("a", 128): false, sumA + "\n": false, "web@" + sumA + "@" + sumA: false,
	} {
		if err := plan.CheckRef(ref); (err == nil) != ok {
			t.Errorf("CheckRef(%q) = %v, want ok = %v", ref, err, ok)
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	p := mustNew(t, experiment(), options())
	want := [][]string{{"store"}, {"api"}, {"analyze", "web"}}
	if d := cmp.Diff(want, p.Order()); d != "" {
		t.Error(d)
	}
	p.Order()[0][0] = "changed"
	if d := cmp.Diff(want, p.Order()); d != "" {
		t.Errorf("Order shares memory: %s", d)
	}
}

func TestParseReadsWhatMarshalWrote(t *testing.T) {
	t.Parallel()
	p := mustNew(t, experiment(), options())
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := plan.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p, got) || p.Hash() != got.Hash() {
		t.Errorf("read back:\n%s", cmp.Diff(p.Spec(), got.Spec()))
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(mustNew(t, experiment(), options()))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"nothing": "", "not JSON": "{", "two": string(good) + "{}", "half": string(good[:len(good)/2]),
		"an unknown key":   strings.Replace(string(good), `"target"`, `"future":1,"target"`, 1),
		"a tag":            strings.Replace(string(good), sumB, "store:1", -1),
		"an unknown kind":  strings.Replace(string(good), `"kind":"job"`, `"kind":"task"`, 1),
		"a job with scale": strings.Replace(string(good), `"run":{`, `"scale":{"min":0,"max":1,"concurrency":1},"run":{`, 1),
		"another order":    strings.NewReplacer(`"name":"store"`, `"name":"zzz"`, `"store"`, `"zzz"`).Replace(string(good)),
	} {
		if p, err := plan.Parse([]byte(data)); err == nil {
			t.Errorf("%s: read as %+v", name, p.Spec())
		}
	}
}
