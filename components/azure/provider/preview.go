package provider

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// preview makes the outputs that a create or an update will have: what is set,
// and open what Azure decides. In an update, old are the outputs so far: those
// marked stable keep their value.
func (rt *resourceType) preview(in, old property.Map) property.Map {
	out := previewObject(in, &rt.object)
	for name, p := range rt.props {
		v, ok := given(old, name)
		if ok && p.out && (p.stable || name == locationKey) {
			out[name] = v
		}
	}
	if v, ok := given(old, idKey); ok {
		out[idKey] = v
	}
	out[apiKey] = property.New(rt.api)
	out[inputsKey] = property.New(in).WithSecret(true)
	return property.NewMap(out)
}

func previewObject(in property.Map, o *object) map[string]property.Value {
	out := map[string]property.Value{}
	for name, p := range o.props {
		if !p.out {
			continue
		}
		out[name] = property.New(property.Computed)
		if set, ok := given(in, name); ok && p.in {
			out[name] = previewValue(set, p.shape).WithSecret(p.secret || set.Secret())
		}
	}
	return out
}

func previewValue(v property.Value, s shape) property.Value {
	secret := v.Secret()
	switch {
	case s.kind == kindObject && v.IsMap():
		return property.New(previewObject(v.AsMap(), s.object)).WithSecret(secret)
	case s.kind == kindList && v.IsArray():
		out := v.AsArray().AsSlice()
		for i, e := range out {
			out[i] = previewValue(e, *s.elem)
		}
		return property.New(property.NewArray(out)).WithSecret(secret)
	case s.kind == kindIDSet:
		return property.New(property.Computed)
	}
	return v
}

// allKnown refuses inputs that are not known when Azure is to be asked.
func allKnown(in property.Map) error {
	for _, name := range keysOf(in) {
		if v := in.Get(name); v.HasComputed() {
			return fmt.Errorf("property %q is not known: what it comes from has not been made", name)
		}
	}
	return nil
}
