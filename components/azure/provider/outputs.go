package provider

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

const (
	apiKey    = "azureApiVersion"
	inputsKey = "__inputs"
	idKey     = "id"
)

// state makes what is recorded of a resource: what Azure returned, in Pulumi's
// shape, with its ID, the API version and the inputs, as the official plugin does.
func (rt *resourceType) state(id string, live map[string]any, in property.Map) property.Map {
	out := outputObject(live, &rt.object)
	out[idKey] = property.New(idOf(live, id))
	out[apiKey] = property.New(rt.api)
	out[inputsKey] = property.New(in).WithSecret(true)
	return property.NewMap(out)
}

// idOf is Azure's own spelling of the ID, or the one that was asked for.
func idOf(live map[string]any, asked string) string {
	if id, ok := live[idKey].(string); ok && id != "" {
		return id
	}
	return asked
}

// outputObject takes what the table knows out of Azure's JSON.
func outputObject(live map[string]any, o *object) map[string]property.Value {
	out := map[string]property.Value{}
	under, _ := live[propertiesKey].(map[string]any)
	for name, p := range o.props {
		if !p.out {
			continue
		}
		from := live
		if o.under(name) {
			from = under
		}
		if v := from[p.wire]; v != nil {
			out[name] = outputValue(v, p.shape).WithSecret(p.secret)
		}
	}
	return out
}

func outputValue(v any, s shape) property.Value {
	switch v := v.(type) {
	case map[string]any:
		switch s.kind {
		case kindObject:
			return property.New(outputObject(v, s.object))
		case kindMap:
			out := map[string]property.Value{}
			for k, e := range v {
				if e != nil {
					out[k] = outputValue(e, *s.elem)
				}
			}
			return property.New(out)
		}
	case []any:
		if s.kind == kindList {
			out := make([]property.Value, len(v))
			for i, e := range v {
				out[i] = outputValue(e, *s.elem)
			}
			return property.New(out)
		}
	}
	return fromJSON(v)
}

// project makes inputs of outputs: what may be set, without path parameters. Keys
// of the identities are sorted, since Azure's order means nothing.
func (rt *resourceType) project(out property.Map) property.Map {
	for _, name := range rt.path.params() {
		out = out.Delete(name)
	}
	return projectObject(out, &rt.object)
}

func projectObject(m property.Map, o *object) property.Map {
	out := map[string]property.Value{}
	for name, p := range o.props {
		v, ok := given(m, name)
		if ok && p.in && p.out && !p.volatile {
			out[name] = projectValue(v, p.shape).WithSecret(v.Secret())
		}
	}
	return property.NewMap(out)
}

func projectValue(v property.Value, s shape) property.Value {
	switch {
	case s.kind == kindObject && v.IsMap():
		return property.New(projectObject(v.AsMap(), s.object))
	case s.kind == kindList && v.IsArray():
		out := v.AsArray().AsSlice()
		for i, e := range out {
			out[i] = projectValue(e, *s.elem)
		}
		return property.New(property.NewArray(out))
	case s.kind == kindIDSet && v.IsMap():
		out := []property.Value{}
		ids := slices.SortedFunc(maps.Keys(v.AsMap().AsMap()), func(a, b string) int {
			return strings.Compare(strings.ToLower(a), strings.ToLower(b))
		})
		for _, id := range ids {
			out = append(out, property.New(id))
		}
		return property.New(out)
	}
	return v
}
