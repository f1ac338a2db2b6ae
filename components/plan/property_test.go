package plan_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/envctl/envctl/components/plan"
)

// shared returns the path of the first memory that a and b both reach.
func shared(path string, a, b reflect.Value) string {
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return ""
		}
		if a.Pointer() == b.Pointer() {
			return path
		}
		return shared(path, a.Elem(), b.Elem())
	case reflect.Map:
		if a.Len() > 0 && a.Pointer() == b.Pointer() {
			return path
		}
	case reflect.Slice:
		if a.Len() > 0 && a.Pointer() == b.Pointer() {
			return path
		}
		for i := range a.Len() {
			if p := shared(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i)); p != "" {
				return p
			}
		}
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[time.Time]() {
			return ""
		}
		for i := range a.NumField() {
			if p := shared(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i)); p != "" {
				return p
			}
		}
	}
	return ""
}

// unset returns the path of the first field that is zero in every workload, so
// that a field added later cannot escape the tests below.
func unset(spec plan.Spec) string {
	w := reflect.TypeFor[plan.Workload]()
	for i := range w.NumField() {
		used := false
		for _, one := range spec.Workloads {
			used = used || !reflect.ValueOf(one).Field(i).IsZero()
		}
		if !used {
			return w.Field(i).Name
		}
	}
	return ""
}

func TestSpecSharesNoMemory(t *testing.T) {
	t.Parallel()
	opts := options()
	p := mustNew(t, experiment(), opts)
	a, b := p.Spec(), p.Spec()
	if field := unset(a); field != "" {
		t.Fatalf("the experiment of this test does not set %s", field)
	}
	if path := shared("Spec", reflect.ValueOf(a), reflect.ValueOf(b)); path != "" {
		t.Errorf("two copies share %s", path)
	}
	w, _ := p.Workload("api")
	if path := shared("Workload", reflect.ValueOf(w), reflect.ValueOf(a.Workloads[0])); path != "" {
		t.Errorf("Workload and Spec share %s", path)
	}
	before := p.Hash()
	opts.Images["api"].Build.Args["V"] = "2"
	a.Workloads[0].Env["LOG_LEVEL"] = "debug"
	if p.Hash() != before {
		t.Error("a plan changed with what it was made from")
	}
}

// mutate changes one random leaf of a spec.
func mutate(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		mutate(r, v.Elem())
	case reflect.Slice:
		mutate(r, v.Index(r.IntN(v.Len())))
	case reflect.Map:
		v.SetMapIndex(v.MapKeys()[r.IntN(v.Len())], reflect.ValueOf(fmt.Sprint(r.Int())))
	case reflect.Struct:
		var set []int
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && !(f.Kind() == reflect.Slice && f.Len() == 0) && !(f.Kind() == reflect.Map && f.Len() == 0) &&
				!(f.Kind() == reflect.Pointer && f.IsNil()) {
				set = append(set, i)
			}
		}
		mutate(r, v.Field(set[r.IntN(len(set))]))
	case reflect.String:
		v.SetString(fmt.Sprint(v.String(), r.Int()))
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 0.125)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	default:
		panic(v.Kind())
	}
}

// Any change of one workload that still makes a plan changes the hash of the
// plan and of that workload, changes no other's, and is in the diff. Where a
// registry has the image is in the diff alone.
func TestHashAndDiffSeeEveryChange(t *testing.T) {
	t.Parallel()
	base := mustNew(t, experiment(), options())
	r := rand.New(rand.NewPCG(1, 2))
	tried := 0
	for range 2000 {
		spec := base.Spec()
		at := r.IntN(len(spec.Workloads))
		name := spec.Workloads[at].Name
		mutate(r, reflect.ValueOf(&spec.Workloads[at]))
		data, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		changed, err := plan.Parse(data)
		if err != nil || spec.Workloads[at].Name != name {
			continue // the change was one that no plan may have
		}
		tried++
		was, is := base.Spec().Workloads[at].Image, spec.Workloads[at].Image
		kept := was.Digest != is.Digest || was.Repository != is.Repository
		if same := changed.Hash() == base.Hash(); same != kept {
			t.Fatalf("same hash (%v) after a change of %s:\n%s", same, name, data)
		}
		for _, w := range spec.Workloads {
			if same := changed.WorkloadHash(w.Name) == base.WorkloadHash(w.Name); same == (w.Name == name && !kept) {
				t.Fatalf("after a change of %s, the hash of %s is the same: %v", name, w.Name, same)
			}
		}
		if d := plan.Diff(base, changed); len(d) != 1 || d[0].Workload != name || len(d[0].Props) != 1 {
			t.Fatalf("after one change of %s, the diff is %+v", name, d)
		}
	}
	if tried < 500 {
		t.Fatalf("only %d changes made a plan", tried)
	}
}

func TestHashIsStable(t *testing.T) {
	t.Parallel()
	want := mustNew(t, experiment(), options())
	for range 50 { // maps iterate in another order each time
		p := mustNew(t, experiment(), options())
		if p.Hash() != want.Hash() || p.WorkloadHash("api") != want.WorkloadHash("api") {
			t.Fatal("the same experiment has two hashes")
		}
	}
	if len(want.Hash()) != 64 || want.WorkloadHash("nobody") != "" {
		t.Errorf("hashes %q and %q", want.Hash(), want.WorkloadHash("nobody"))
	}
}

func TestExpiryIsInTheDiffButNotInTheHash(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.Expires = opts.Expires.Add(time.Hour)
	a, b := mustNew(t, experiment(), options()), mustNew(t, experiment(), opts)
	if a.Hash() != b.Hash() {
		t.Error("more time changed the hash")
	}
	if d := plan.Diff(a, b); len(d) != 1 || d[0].Workload != "" || d[0].Props[0].Path != "expires" {
		t.Errorf("diff %+v", d)
	}
}

func FuzzParse(f *testing.F) {
	p, err := plan.New(experiment(), options())
	if err != nil {
		f.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"experiment":"a","instance":"b","target":"c","workloads":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := plan.Parse(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := plan.Parse(again)
		if err != nil {
			t.Fatalf("what Parse took it refuses when written: %v", err)
		}
		if p.Hash() != q.Hash() || len(plan.Diff(p, q)) != 0 {
			t.Fatalf("changed by a trip through JSON: %+v", plan.Diff(p, q))
		}
	})
}
