package provider

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/envctl/envctl/components/values"
)

// wayOut is how to mend what this provider does not implement.
const wayOut = "leave it out, or set ENVCTL_PROVIDERS=official to use Pulumi's own docker plugin"

// checkStruct compares a map with the fields of struct type t: names, kinds and
// what is required. Unknown values pass: they are looked at when they are known.
func checkStruct(path string, m property.Map, t reflect.Type) []p.CheckFailure {
	var fails []p.CheckFailure
	known := map[string]bool{}
	for i := range t.NumField() {
		name, optional := tag(t.Field(i))
		known[name] = true
		v, ok := m.GetOk(name)
		if !ok || v.IsNull() {
			if !optional {
				fails = append(fails, p.CheckFailure{Property: join(path, name), Reason: "is required and not given"})
			}
			continue
		}
		fails = append(fails, checkValue(join(path, name), v, t.Field(i).Type)...)
	}
	for name := range m.AllStable {
		if !known[name] && !strings.HasPrefix(name, "__") {
			fails = append(fails, p.CheckFailure{Property: join(path, name),
				Reason: fmt.Sprintf("is not implemented by envctl's docker provider: %s", wayOut)})
		}
	}
	return fails
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func checkValue(path string, v property.Value, t reflect.Type) []p.CheckFailure {
	if v.IsComputed() {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return checkValue(path, v, t.Elem())
	case reflect.Struct:
		if v.IsMap() {
			return checkStruct(path, v.AsMap(), t)
		}
	case reflect.Slice:
		if v.IsArray() {
			var fails []p.CheckFailure
			for i, e := range v.AsArray().All {
				fails = append(fails, checkValue(fmt.Sprintf("%s[%d]", path, i), e, t.Elem())...)
			}
			return fails
		}
	case reflect.Map:
		if v.IsMap() {
			var fails []p.CheckFailure
			for k, e := range v.AsMap().AllStable {
				fails = append(fails, checkValue(fmt.Sprintf("%s[%q]", path, k), e, t.Elem())...)
			}
			return fails
		}
	default:
		if fits(v, t) {
			return nil
		}
	}
	return []p.CheckFailure{{Property: path, Reason: fmt.Sprintf("is %s, expected %s", values.KindOf(v), wanted(t))}}
}

func fits(v property.Value, t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String:
		return v.IsString()
	case reflect.Bool:
		return v.IsBool()
	case reflect.Float64:
		return v.IsNumber()
	}
	return v.IsNumber() && v.AsNumber() == math.Trunc(v.AsNumber()) && math.Abs(v.AsNumber()) < 1<<53
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a whole number"
}
