package provider

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// differ compares old and new inputs, and nothing else: a refresh writes what it
// finds into the old inputs, so a change made by hand is one here too.
type differ struct {
	rt    *resourceType
	state property.Map // old outputs: a value that is so already needs no replacement
	found map[string]*pulumirpc.PropertyDiff
}

type (
	diffKind = pulumirpc.PropertyDiff_Kind
	present  struct {
		property.Value
		ok bool
	}
)

// diff compares inputs; state are the old outputs.
func (rt *resourceType) diff(old, in, state property.Map) *pulumirpc.DiffResponse {
	d := &differ{rt: rt, state: state, found: map[string]*pulumirpc.PropertyDiff{}}
	for _, name := range keysOf(old, in) {
		p, known := rt.props[name]
		if !known {
			p = &prop{}
		}
		d.member(name, name, p, at(old, name), at(in, name))
	}
	return d.response(old)
}

func at(m property.Map, name string) present {
	v, ok := given(m, name)
	return present{v, ok}
}

func (d *differ) response(old property.Map) *pulumirpc.DiffResponse {
	out := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE, HasDetailedDiff: true, DetailedDiff: d.found}
	diffs, replaces := map[string]bool{}, map[string]bool{}
	for path, pd := range d.found {
		top, _, _ := strings.Cut(strings.ReplaceAll(path, "[", "."), ".")
		diffs[top] = true
		if strings.HasSuffix(pd.Kind.String(), "_REPLACE") {
			replaces[top] = true
		}
	}
	for _, name := range keysOf(boolMap(diffs)) {
		out.Diffs = append(out.Diffs, name)
		if replaces[name] {
			out.Replaces = append(out.Replaces, name)
		}
	}
	if len(diffs) > 0 {
		out.Changes = pulumirpc.DiffResponse_DIFF_SOME
	}
	first := old.Get(createBeforeDelete)
	out.DeleteBeforeReplace = len(replaces) > 0 && !(first.IsBool() && first.AsBool())
	return out
}

func boolMap(m map[string]bool) property.Map {
	out := map[string]property.Value{}
	for k := range m {
		out[k] = property.New(true)
	}
	return property.NewMap(out)
}

// member compares one property; top is the resource's property that it is in.
func (d *differ) member(top, path string, p *prop, old, in present) {
	switch {
	case !old.ok && !in.ok:
	case !old.ok:
		if p.def != nil && !in.HasComputed() && equal(in.Value, fromJSON(p.def)) {
			return
		}
		live, ok := given(d.state, top)
		asIs := path == top && ok && d.scalarEqual(top, live, in.Value)
		d.add(top, path, pulumirpc.PropertyDiff_ADD, asIs)
	case !in.ok:
		d.add(top, path, pulumirpc.PropertyDiff_DELETE, false)
	default:
		d.value(top, path, p.shape, p.key, old.Value, in.Value)
	}
}

func (d *differ) value(top, path string, s shape, key string, old, in property.Value) {
	switch {
	case in.IsComputed():
		d.add(top, path, pulumirpc.PropertyDiff_UPDATE, false)
	case old.IsMap() && in.IsMap():
		for _, name := range keysOf(old.AsMap(), in.AsMap()) {
			d.member(top, join(path, name), s.member(name), at(old.AsMap(), name), at(in.AsMap(), name))
		}
	case old.IsArray() && in.IsArray():
		d.list(top, path, s, key, old.AsArray(), in.AsArray())
	case !d.scalarEqual(path, old, in):
		d.add(top, path, pulumirpc.PropertyDiff_UPDATE, false)
	}
}

// member is what the table says of an object's or a map's member.
func (s shape) member(name string) *prop {
	switch s.kind {
	case kindObject:
		if p, ok := s.object.props[name]; ok {
			return p
		}
	case kindMap:
		return &prop{shape: *s.elem}
	}
	return &prop{}
}

func (d *differ) list(top, path string, s shape, key string, old, in property.Array) {
	elem := &prop{}
	if s.kind == kindList {
		elem.shape = *s.elem
	}
	pairs := pairUp(s, key, old, in)
	for _, pair := range pairs {
		d.member(top, fmt.Sprintf("%s[%d]", path, pair.index), elem, pair.old, pair.in)
	}
}

type pairing struct {
	index   int
	old, in present
}

// pairUp puts the elements of two lists beside each other: by position, by their
// key where each has one of its own, and identities by themselves.
func pairUp(s shape, key string, old, in property.Array) []pairing {
	name := func(v property.Value) string {
		switch {
		case s.kind == kindIDSet && v.IsString():
			return strings.ToLower(v.AsString())
		case key != "" && v.IsMap() && v.AsMap().Get(key).IsString():
			return v.AsMap().Get(key).AsString()
		}
		return ""
	}
	oldAt, okOld := positions(old, name)
	inAt, okIn := positions(in, name)
	var out []pairing
	if !okOld || !okIn {
		for i := range max(old.Len(), in.Len()) {
			out = append(out, pairing{i, element(old, i), element(in, i)})
		}
		return out
	}
	for i, e := range in.All {
		p := pairing{index: i, in: present{e, true}}
		if j, ok := oldAt[name(e)]; ok {
			p.old = element(old, j)
		}
		out = append(out, p)
	}
	for i, e := range old.All {
		if _, ok := inAt[name(e)]; !ok {
			out = append(out, pairing{index: i, old: present{e, true}})
		}
	}
	return out
}

// positions are the elements' places by name; not ok when one has none or shares it.
func positions(a property.Array, name func(property.Value) string) (map[string]int, bool) {
	out := make(map[string]int, a.Len())
	for i, e := range a.All {
		n := name(e)
		if _, twice := out[n]; n == "" || twice {
			return nil, false
		}
		out[n] = i
	}
	return out, true
}

func element(a property.Array, i int) present {
	if i >= a.Len() {
		return present{}
	}
	return present{a.Get(i), true}
}

// scalarEqual compares two values; regions and resource groups have their own way.
func (d *differ) scalarEqual(path string, a, b property.Value) bool {
	if a.IsString() && b.IsString() {
		switch path {
		case locationKey:
			return region(a.AsString()) == region(b.AsString())
		case groupParam:
			return strings.EqualFold(a.AsString(), b.AsString())
		case scopeParam:
			return strings.EqualFold(strings.Trim(a.AsString(), "/"), strings.Trim(b.AsString(), "/"))
		}
	}
	return equal(a, b)
}

// add records a difference; asIs means that Azure has that value already, so
// that nothing needs to be replaced.
func (d *differ) add(top, path string, k diffKind, asIs bool) {
	if d.rt.replace[top] && !asIs {
		k++ // each kind's _REPLACE follows it
	}
	if d.found[path] != nil { // an element that went and one that came share a position
		k = pulumirpc.PropertyDiff_UPDATE + k%2
	}
	d.found[path] = &pulumirpc.PropertyDiff{Kind: k, InputDiff: true}
}
