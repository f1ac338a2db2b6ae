package fault_test

import (
	"reflect"
	"testing"

	"github.com/envctl/envctl/components/azure/armsim/fault"
)

func TestMatchCounts(t *testing.T) {
	t.Parallel()
	set := fault.NewSet([]fault.Fault{{Type: "A/b", Op: "put", Nth: 2, Times: 2, Code: "x"}, {Op: "get", Name: "n", Times: -1, Code: "y"}})
	var got []string
	for _, r := range [][3]string{{"a/B", "PUT", "m"}, {"a/b", "put", "m"}, {"c", "put", "m"}, {"a/b", "put", "m"}, {"a/b", "put", "m"}, {"c", "get", "N"}, {"c", "get", "o"}, {"c", "get", "n"}} {
		code := "-"
		if f := set.Match(r[0], r[1], r[2]); f != nil {
			code = f.Code
		}
		got = append(got, code)
	}
	if want := []string{"-", "x", "-", "x", "-", "y", "-", "y"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if hits := set.Hits(); hits[0] != 2 || hits[1] != 2 {
		t.Errorf("hits %v", hits)
	}
}

// The same seed is the same schedule, other seeds are others, and every failure ends.
func TestRandomRepeats(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for seed := range int64(200) {
		a, b := fault.Random(seed), fault.Random(seed)
		if !reflect.DeepEqual(a, b) || len(a) == 0 {
			t.Fatalf("seed %d: %v, then %v", seed, a, b)
		}
		for _, f := range a {
			seen[f.Op+f.Type+f.Code+string(f.Wire)] = true
			if f.Times < 0 || f.Times > 10 {
				t.Errorf("seed %d: %+v does not end", seed, f)
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d different failures in 200 schedules", len(seen))
	}
}
