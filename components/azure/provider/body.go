package provider

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// body makes the JSON that a PUT sends: what is set, in Azure's shape. Path
// parameters are not in it. `properties` is sent, empty if need be, wherever the
// type has any that can be set: Azure refuses a body without it.
func (rt *resourceType) body(in property.Map) (map[string]any, error) {
	rest := in
	for _, name := range rt.path.params() {
		rest = rest.Delete(name)
	}
	out, err := bodyObject("", rest, &rt.object)
	if err != nil {
		return nil, err
	}
	if _, ok := out[propertiesKey]; !ok && rt.sendsProperties() {
		out[propertiesKey] = map[string]any{}
	}
	return out, nil
}

// propertiesKey is the member that Azure keeps most of a resource in.
const propertiesKey = "properties"

func (rt *resourceType) sendsProperties() bool {
	inPath := map[string]bool{}
	for _, name := range rt.path.params() {
		inPath[name] = true
	}
	for name, p := range rt.props {
		if p.in && !inPath[name] && rt.under(name) {
			return true
		}
	}
	return false
}

func bodyObject(path string, m property.Map, o *object) (map[string]any, error) {
	out := map[string]any{}
	for _, name := range keysOf(m) {
		v, ok := given(m, name)
		if !ok {
			continue
		}
		p, known := o.props[name]
		if !known {
			return nil, fmt.Errorf("property %q is not known for this type", join(path, name))
		}
		if !p.in {
			continue
		}
		j, err := bodyValue(join(path, name), v, p.shape)
		if err != nil {
			return nil, err
		}
		into := out
		if o.under(name) {
			into = sub(out)
		}
		into[p.wire] = j
	}
	return out, nil
}

// sub is the object's `properties`, made where it is missing.
func sub(m map[string]any) map[string]any {
	p, ok := m[propertiesKey].(map[string]any)
	if !ok {
		p = map[string]any{}
		m[propertiesKey] = p
	}
	return p
}

func bodyValue(path string, v property.Value, s shape) (any, error) {
	switch {
	case s.kind == kindObject && v.IsMap():
		return bodyObject(path, v.AsMap(), s.object)
	case s.kind == kindList && v.IsArray():
		out := make([]any, 0, v.AsArray().Len())
		for i, e := range v.AsArray().All {
			j, err := bodyValue(fmt.Sprintf("%s[%d]", path, i), e, *s.elem)
			if err != nil {
				return nil, err
			}
			out = append(out, j)
		}
		return out, nil
	case s.kind == kindMap && v.IsMap():
		out := map[string]any{}
		for k, e := range v.AsMap().AllStable {
			if e.IsNull() {
				continue
			}
			j, err := bodyValue(join(path, k), e, *s.elem)
			if err != nil {
				return nil, err
			}
			out[k] = j
		}
		return out, nil
	case s.kind == kindIDSet && v.IsArray():
		out := map[string]any{}
		for i, e := range v.AsArray().All {
			if !e.IsString() {
				return nil, fmt.Errorf("property \"%s[%d]\" is %s, expected an identity's ID", path, i, kindOf(e))
			}
			out[e.AsString()] = map[string]any{}
		}
		return out, nil
	}
	return toJSON(path, v)
}
