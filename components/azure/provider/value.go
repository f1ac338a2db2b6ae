package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/envctl/envctl/components/values"
)

// kindOf names a value's kind for a message: null is as good as nothing.
func kindOf(v property.Value) string {
	if v.IsNull() {
		return "not given"
	}
	return values.KindOf(v)
}

// wanted names what a property takes.
func (k kind) wanted() string {
	switch k {
	case kindString:
		return "a string"
	case kindBool:
		return "a boolean"
	case kindInt:
		return "a whole number"
	case kindNumber:
		return "a number"
	case kindList:
		return "a list"
	case kindIDSet:
		return "a list of identity IDs"
	case kindMap, kindObject:
		return "an object"
	}
	return "a value"
}

// given tells whether a value is there: null is as good as nothing.
func given(m property.Map, name string) (property.Value, bool) {
	v, ok := m.GetOk(name)
	return v, ok && !v.IsNull()
}

// internal tells whether a key is the engine's or the provider's, not Azure's.
func internal(name string) bool { return strings.HasPrefix(name, "__") }

// fromJSON makes a value of decoded JSON; nulls in objects are dropped.
func fromJSON(v any) property.Value {
	switch v := v.(type) {
	case string:
		return property.New(v)
	case bool:
		return property.New(v)
	case float64:
		return property.New(v)
	case []any:
		out := make([]property.Value, len(v))
		for i, e := range v {
			out[i] = fromJSON(e)
		}
		return property.New(out)
	case map[string]any:
		out := make(map[string]property.Value, len(v))
		for k, e := range v {
			if e != nil {
				out[k] = fromJSON(e)
			}
		}
		return property.New(out)
	}
	return property.New(property.Null)
}

// toJSON is the value without its marks. Nulls in objects are dropped.
func toJSON(path string, v property.Value) (any, error) {
	switch {
	case v.IsNull():
		return nil, nil
	case v.IsString():
		return v.AsString(), nil
	case v.IsBool():
		return v.AsBool(), nil
	case v.IsNumber():
		return v.AsNumber(), nil
	case v.IsArray():
		out := make([]any, 0, v.AsArray().Len())
		for i, e := range v.AsArray().All {
			j, err := toJSON(fmt.Sprintf("%s[%d]", path, i), e)
			if err != nil {
				return nil, err
			}
			out = append(out, j)
		}
		return out, nil
	case v.IsMap():
		out := make(map[string]any, v.AsMap().Len())
		for k, e := range v.AsMap().All {
			if e.IsNull() {
				continue
			}
			j, err := toJSON(join(path, k), e)
			if err != nil {
				return nil, err
			}
			out[k] = j
		}
		return out, nil
	}
	return nil, fmt.Errorf("property %q is %s: expected plain data", path, kindOf(v))
}

// join makes a property path; a member that is no plain word is quoted.
func join(path, name string) string {
	plain := name != ""
	for i, r := range name {
		letter := r == '_' || r == '$' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		plain = plain && (letter || i > 0 && r >= '0' && r <= '9')
	}
	switch {
	case !plain:
		return path + `["` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"]`
	case path == "":
		return name
	}
	return path + "." + name
}

// keysOf are the keys of several maps, sorted, without the internal ones.
func keysOf(ms ...property.Map) []string {
	set := map[string]bool{}
	for _, m := range ms {
		for k := range m.All {
			if !internal(k) {
				set[k] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// sameText compares strings as Azure does: resource IDs without regard to case.
func sameText(a, b string) bool {
	return a == b || isID(a) && isID(b) && strings.EqualFold(a, b)
}

func isID(s string) bool {
	const prefix = "/subscriptions/"
	return len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// region is a location as Azure compares it: "West Europe" is westeurope.
func region(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }

// equal compares values without their marks.
func equal(a, b property.Value) bool {
	switch {
	case a.IsString() && b.IsString():
		return sameText(a.AsString(), b.AsString())
	case a.IsArray() && b.IsArray():
		x, y := a.AsArray(), b.AsArray()
		if x.Len() != y.Len() {
			return false
		}
		for i, e := range x.All {
			if !equal(e, y.Get(i)) {
				return false
			}
		}
		return true
	case a.IsMap() && b.IsMap():
		x, y := a.AsMap(), b.AsMap()
		for _, k := range keysOf(x, y) {
			v, hasV := given(x, k)
			w, hasW := given(y, k)
			if hasV != hasW || hasV && !equal(v, w) {
				return false
			}
		}
		return true
	}
	return a.WithSecret(false).Equals(b.WithSecret(false))
}
