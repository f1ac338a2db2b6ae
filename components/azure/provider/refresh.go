package provider

import (
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// refreshed brings into the inputs what has changed at Azure since the state was
// written: was and now are old and new outputs as inputs. What Azure added by
// itself at creation is in both and so stays out; what it never returns, secrets
// among it, stays as it was.
func (rt *resourceType) refreshed(in, was, now property.Map) property.Map {
	return refreshObject(in, was, now, func(name string) *prop {
		if p, ok := rt.props[name]; ok {
			return p
		}
		return &prop{}
	})
}

func refreshObject(in, was, now property.Map, member func(string) *prop) property.Map {
	for _, name := range keysOf(was, now) {
		a, b, have := at(was, name), at(now, name), at(in, name)
		switch {
		case !a.ok && !b.ok || a.ok && b.ok && same(name, a.Value, b.Value):
		case !b.ok:
			in = in.Delete(name)
		case !a.ok || !have.ok:
			in = in.Set(name, b.Value)
		default:
			p := member(name)
			secret := have.Secret()
			in = in.Set(name, refreshValue(p.shape, p.key, have.Value, a.Value, b.Value).WithSecret(secret))
		}
	}
	return in
}

// same compares a member before and after; a region may be spelt in two ways.
func same(name string, a, b property.Value) bool {
	if name == locationKey && a.IsString() && b.IsString() {
		return region(a.AsString()) == region(b.AsString())
	}
	return equal(a, b)
}

func refreshValue(s shape, key string, have, was, now property.Value) property.Value {
	switch {
	case have.IsMap() && was.IsMap() && now.IsMap():
		return property.New(refreshObject(have.AsMap(), was.AsMap(), now.AsMap(), s.member))
	case have.IsArray() && was.IsArray() && now.IsArray():
		return refreshList(s, key, have.AsArray(), was.AsArray(), now.AsArray())
	}
	return now
}

// refreshList follows the new list; an element that was there keeps what Azure
// does not return of it.
func refreshList(s shape, key string, have, was, now property.Array) property.Value {
	elem := shape{}
	if s.kind == kindList {
		elem = *s.elem
	}
	old, mine := map[int]present{}, map[int]present{}
	for _, p := range pairUp(s, key, was, now) {
		old[p.index] = p.old
	}
	for _, p := range pairUp(s, key, have, now) {
		if p.in.ok {
			mine[p.index] = p.old
		}
	}
	out := now.AsSlice()
	for i, e := range out {
		switch {
		case mine[i].ok && old[i].ok && equal(old[i].Value, e):
			out[i] = mine[i].Value
		case mine[i].ok && old[i].ok:
			out[i] = refreshValue(elem, "", mine[i].Value, old[i].Value, e)
		}
	}
	return property.New(property.NewArray(out))
}

// imported makes inputs where there are none: of the ID and all that may be set.
func (rt *resourceType) imported(id string, out property.Map) (property.Map, error) {
	params, err := rt.path.parse(id)
	if err != nil {
		return property.Map{}, err
	}
	in := rt.project(out)
	for name, p := range rt.props {
		v, ok := given(in, name)
		if other, both := given(in, p.mirrors); ok && both && equal(v, other) {
			in = in.Delete(name)
		}
	}
	for name, v := range params {
		if name != subscriptionParam {
			in = in.Set(name, property.New(v))
		}
	}
	return in, nil
}
