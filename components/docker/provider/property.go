package provider

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/mapper"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// goValue is v without secret marks, unknowns and nulls, as the types that
// encoding/json uses.
func goValue(v property.Value) any {
	switch {
	case v.IsArray():
		list := make([]any, 0, v.AsArray().Len())
		for _, e := range v.AsArray().All {
			if g := goValue(e); g != nil {
				list = append(list, g)
			}
		}
		return list
	case v.IsMap():
		return goMap(v.AsMap())
	case v.IsString():
		return v.AsString()
	case v.IsNumber():
		return v.AsNumber()
	case v.IsBool():
		return v.AsBool()
	}
	return nil
}

// goMap is [goValue] for a map. Keys with two leading underscores are the
// engine's own book-keeping in state of the official plugin and are left out.
func goMap(m property.Map) map[string]any {
	out := make(map[string]any, m.Len())
	for k, v := range m.All {
		if g := goValue(v); g != nil && !strings.HasPrefix(k, "__") {
			out[k] = g
		}
	}
	return out
}

// decode reads the properties that T names; others are left alone.
func decode[T any](m property.Map) (T, error) {
	var out T
	md := mapper.New(&mapper.Opts{IgnoreMissing: true, IgnoreUnrecognized: true})
	if err := md.Decode(goMap(m), &out); err != nil {
		return out, fmt.Errorf("read the properties: %w", err)
	}
	return out, nil
}

// encode is the inverse of [decode]: optional fields that are zero are left out.
func encode(v any) property.Map { return encodeStruct(reflect.ValueOf(v)).AsMap() }

func encodeStruct(v reflect.Value) property.Value {
	out := map[string]property.Value{}
	for i := range v.NumField() {
		key, optional := tag(v.Type().Field(i))
		if key == "" || (optional && isEmpty(v.Field(i))) {
			continue
		}
		out[key] = encodeValue(v.Field(i))
	}
	return property.New(out)
}

func isEmpty(v reflect.Value) bool {
	return v.IsZero() || ((v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0)
}

func encodeValue(v reflect.Value) property.Value {
	switch v.Kind() {
	case reflect.Pointer:
		return encodeValue(v.Elem())
	case reflect.Struct:
		return encodeStruct(v)
	case reflect.Slice:
		list := make([]property.Value, v.Len())
		for i := range list {
			list[i] = encodeValue(v.Index(i))
		}
		return property.New(list)
	case reflect.Map:
		m := map[string]property.Value{}
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = encodeValue(it.Value())
		}
		return property.New(m)
	case reflect.Bool:
		return property.New(v.Bool())
	case reflect.Int, reflect.Int64:
		return property.New(float64(v.Int()))
	case reflect.Float64:
		return property.New(v.Float())
	}
	return property.New(v.String())
}

// tag is the property name of a field and whether it may be left out.
func tag(f reflect.StructField) (name string, optional bool) {
	name, opts, _ := strings.Cut(f.Tag.Get("pulumi"), ",")
	return name, opts == "optional"
}

// overlay is base with the entries of top. A value stays secret where base's
// value of the same name held a secret.
func overlay(base, top property.Map) property.Map {
	for k, v := range top.All {
		if old, ok := base.GetOk(k); ok && old.HasSecrets() {
			v = v.WithSecret(true)
		}
		base = base.Set(k, v)
	}
	return base
}

// withUnknown adds names whose values only the engine will tell.
func withUnknown(m property.Map, names ...string) property.Map {
	for _, n := range names {
		if _, ok := m.GetOk(n); !ok {
			m = m.Set(n, property.New(property.Computed))
		}
	}
	return m
}
