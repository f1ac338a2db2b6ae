package provider

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// change says what a changed property leads to.
type change int

const (
	replace    change = iota // the object is made anew
	update                   // the engine can change it in place
	updateSet                // like update, where the new value is not empty; else replace
	bookkeeper               // nothing at the engine depends on it until a later operation
)

// diff compares old and new inputs, and nothing else: refresh writes what it
// finds into the old inputs, so a difference made by hand is one here too.
func (s schema) diff(req p.DiffRequest) p.DiffResponse {
	was, want := s.comparable(req.OldInputs), s.comparable(req.Inputs)
	detail := map[string]p.PropertyDiff{}
	replaces := false
	for _, name := range s.names() {
		if slices.Contains(req.IgnoreChanges, name) {
			continue
		}
		nv, _ := req.Inputs.GetOk(name)
		a, had := was[name]
		b, has := want[name]
		if !nv.HasComputed() && reflect.DeepEqual(a, b) {
			continue
		}
		if nv.HasComputed() {
			has = true
		}
		isReplace := s.replaces(name, has)
		replaces = replaces || isReplace
		detail[name] = p.PropertyDiff{Kind: kindOfDiff(had, has, isReplace), InputDiff: true}
	}
	return p.DiffResponse{
		HasChanges:          len(detail) > 0,
		DeleteBeforeReplace: replaces && s.deleteFirst,
		DetailedDiff:        detail,
	}
}

func (s schema) replaces(name string, has bool) bool {
	switch s.changes[name] {
	case update, bookkeeper:
		return false
	case updateSet:
		return !has
	}
	return true
}

func kindOfDiff(had, has, isReplace bool) p.DiffKind {
	kinds := [3]p.DiffKind{p.Update, p.Add, p.Delete}
	if isReplace {
		kinds = [3]p.DiffKind{p.UpdateReplace, p.AddReplace, p.DeleteReplace}
	}
	switch {
	case has && !had:
		return kinds[1]
	case had && !has:
		return kinds[2]
	}
	return kinds[0]
}

// comparable reduces inputs to what makes a difference: no marks, no value that
// is the default, and lists whose order means nothing in one order.
func (s schema) comparable(m property.Map) map[string]any {
	out := goMap(m)
	for k, v := range out {
		v = s.canonical(k, v)
		if isDefault(v, s.defaults[k]) {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	return out
}

func isDefault(v, def any) bool {
	if def != nil {
		return reflect.DeepEqual(v, def)
	}
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return v == nil || reflect.ValueOf(v).IsZero()
}

// canonical sorts the lists that are sets, at any depth.
func (s schema) canonical(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = s.canonical(k, e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = s.canonical("", e)
		}
		if s.sets[name] {
			slices.SortFunc(out, func(a, b any) int { return cmp.Compare(text(a), text(b)) })
		}
		return out
	}
	return v
}

// text orders values; encoding/json sorts the keys of maps.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // no value that came over the wire is beyond JSON
		return ""
	}
	return strings.TrimSpace(string(b))
}
