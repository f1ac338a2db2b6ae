package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// The values of Change.Op.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Change is how one workload differs between two plans.
type Change struct {
	Op       string     `json:"op"`
	Kind     string     `json:"kind,omitempty"`     // app or job; empty for the plan itself
	Workload string     `json:"workload,omitempty"` // empty for the plan itself, such as its expiry
	Props    []Property `json:"props,omitempty"`    // of a changed workload, sorted by path
}

// Property is one value that differs, as its JSON form has it.
type Property struct {
	Path string `json:"path"`          // e.g. image.ref, args[0], env.LOG_LEVEL, env["a.b"]
	Old  any    `json:"old,omitempty"` // nil: was not there
	New  any    `json:"new,omitempty"` // nil: is no longer there
}

// Diff says what leads from a to b: first the plan itself, then apps, then jobs,
// each by name. It is empty exactly when the two plans are the same. A nil plan
// has no workloads, so Diff(nil, p) is what a first `up` adds.
func Diff(a, b *Plan) []Change {
	var changes []Change
	if a != nil && b != nil {
		from, to := a.Spec(), b.Spec()
		from.Workloads, to.Workloads = nil, nil
		if props := properties(from, to); len(props) > 0 {
			changes = append(changes, Change{Op: Changed, Props: props})
		}
	}
	old, now := workloads(a), workloads(b)
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, key := range slices.SortedFunc(maps.Keys(all), byKindAndNameKey) {
		c := Change{Kind: key.kind, Workload: key.name}
		from, was := old[key]
		to, is := now[key]
		switch {
		case !was:
			c.Op = Added
		case !is:
			c.Op = Removed
		default:
			c.Op, c.Props = Changed, properties(from, to)
			if len(c.Props) == 0 {
				continue
			}
		}
		changes = append(changes, c)
	}
	return changes
}

// key tells an app from a job that later took its name.
type key struct{ kind, name string }

func byKindAndNameKey(a, b key) int {
	return byKindAndName(Workload{Kind: a.kind, Name: a.name}, Workload{Kind: b.kind, Name: b.name})
}

func workloads(p *Plan) map[key]Workload {
	byKey := map[key]Workload{}
	if p != nil {
		for _, w := range p.spec.Workloads {
			byKey[key{w.Kind, w.Name}] = w
		}
	}
	return byKey
}

// properties compares the JSON forms of two values leaf by leaf.
func properties(from, to any) []Property {
	old, now := leaves(from), leaves(to)
	all := maps.Clone(old)
	maps.Copy(all, now)
	var props []Property
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if old[path] != now[path] {
			props = append(props, Property{Path: path, Old: old[path], New: now[path]})
		}
	}
	return props
}

// leaves maps the path of each scalar in v's JSON form to its value.
func leaves(v any) map[string]any {
	data, err := json.Marshal(v)
	if err != nil { // as in hash
		panic(fmt.Sprintf("plan: %v", err))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a size above 2^53 keeps its digits
	var tree any
	if err := d.Decode(&tree); err != nil {
		panic(fmt.Sprintf("plan: %v", err))
	}
	found := map[string]any{}
	walk("", tree, found)
	return found
}

func walk(path string, v any, found map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			walk(join(path, k), item, found)
		}
	case []any:
		for i, item := range v {
			walk(fmt.Sprintf("%s[%d]", path, i), item, found)
		}
	default:
		found[path] = v
	}
}

// plain is a key that needs no quotes in a path.
var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func join(path, key string) string {
	switch {
	case !plain.MatchString(key):
		return fmt.Sprintf("%s[%q]", path, key)
	case path == "":
		return key
	default:
		return path + "." + key
	}
}
