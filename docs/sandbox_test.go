package docs

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/containment"
	"github.com/envctl/envctl/local/sandbox"
)

// TestProfile holds that the table of the hardening profile is the profile: every
// field, with its value for an app, a job and the gateway.
func TestProfile(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	w := plan.Workload{User: plan.DefaultUser, CPU: 0.5, Memory: 1024 * mib, Scratch: 64 * mib}
	g := plan.Workload{User: plan.DefaultUser, CPU: 0.5, Memory: 64 * mib}
	profiles := []reflect.Value{
		reflect.ValueOf(sandbox.New(sandbox.App, w)), reflect.ValueOf(sandbox.New(sandbox.Job, w)),
		reflect.ValueOf(sandbox.New(sandbox.Gateway, g)),
	}
	rows := map[string][]string{}
	for _, cells := range table(t, "docs/sandbox.md", "field") {
		rows[strings.Trim(cells[0], "`")] = cells[1:]
	}
	fields := reflect.TypeFor[sandbox.Profile]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if name == "Kind" {
			continue // the column
		}
		cells, ok := rows[name]
		if !ok {
			t.Errorf("the field %s has no row", name)
			continue
		}
		delete(rows, name)
		for k, p := range profiles {
			if want := cell(p.Field(i)); name != "Networks" && cells[k] != want {
				t.Errorf("%s, column %d: %q, the profile has %q", name, k+1, cells[k], want)
			}
		}
	}
	for name := range rows {
		t.Errorf("the profile has no field %s", name)
	}
}

// TestGeneratedContainment holds that the table of the containment suite has its rows,
// with the known escapes that each stands for.
func TestGeneratedContainment(t *testing.T) {
	t.Parallel()
	sources := map[string][]string{}
	for _, e := range containment.Known() {
		for _, name := range e.Rows {
			sources[name] = append(sources[name], e.Source)
		}
	}
	var b strings.Builder
	row(&b, "row", "tries to reach or to do", "after")
	row(&b, "---", "---", "---")
	for _, r := range containment.Rows() {
		after := "–"
		if list := sources[r.Name]; len(list) > 0 {
			after = strings.Join(list, "; ")
		}
		row(&b, "`"+r.Name+"`", r.Tries, after)
	}
	generated(t, "docs/sandbox.md", "containment", b.String())
}

// cell writes a value as the table does.
func cell(v reflect.Value) string {
	var parts []string
	switch x := v.Interface().(type) {
	case []string:
		parts = x
	case []sandbox.Ulimit:
		for _, u := range x {
			parts = append(parts, fmt.Sprintf("%s:%d", u.Name, u.Value))
		}
	case []sandbox.Volume:
		for _, v := range x {
			parts = append(parts, v.Name+":"+v.Path)
		}
	case map[string]string:
		for _, key := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, key+":"+x[key])
		}
	case string:
		if x != "" {
			parts = []string{x}
		}
	default:
		return fmt.Sprint(x)
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, " ")
}
