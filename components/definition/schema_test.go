package definition

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// TestSchemaIsComplete holds that every key of every type is in the schema with
// a description, and that no mapping of known keys takes another one.
func TestSchemaIsComplete(t *testing.T) {
	t.Parallel()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Schema               string                     `json:"$schema"`
		Description          string                     `json:"description"`
		AdditionalProperties any                        `json:"additionalProperties"`
		Properties           map[string]map[string]any  `json:"properties"`
		Defs                 map[string]json.RawMessage `json:"$defs"`
	}
	var root object
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	if root.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema = %q", root.Schema)
	}
	for _, typ := range append(definedTypes(), reflect.TypeFor[Definition]()) {
		o := root
		if typ != reflect.TypeFor[Definition]() {
			o = object{}
			if err := json.Unmarshal(root.Defs[typ.Name()], &o); err != nil {
				t.Fatalf("%s: %v", typ.Name(), err)
			}
		}
		if o.Description == "" || o.AdditionalProperties != false {
			t.Errorf("%s: description %q, additionalProperties %v", typ.Name(), o.Description, o.AdditionalProperties)
		}
		for _, f := range fields(typ) {
			property, ok := o.Properties[f.name]
			if description, _ := property["description"].(string); !ok || description == "" {
				t.Errorf("%s.%s: in the schema %v, description %q", typ.Name(), f.name, ok, description)
			}
		}
		if len(o.Properties) != len(fields(typ)) {
			t.Errorf("%s has %d properties, want %d", typ.Name(), len(o.Properties), len(fields(typ)))
		}
	}
}

// TestTags holds that every tag names what exists and every default fits its field.
func TestTags(t *testing.T) {
	t.Parallel()
	rules := textRules()
	for _, typ := range append(definedTypes(), reflect.TypeFor[Definition]()) {
		value := reflect.New(typ).Elem()
		setDefaults(value)
		for _, f := range fields(typ) {
			for _, rule := range []string{f.rule, f.keys} {
				if _, ok := rules[rule]; rule != "" && !ok {
					t.Errorf("%s.%s: there is no rule %q", typ.Name(), f.name, rule)
				}
			}
			if f.fallback != "" && value.FieldByIndex(f.index).IsZero() {
				t.Errorf("%s.%s: the default %q does not fit", typ.Name(), f.name, f.fallback)
			}
			if len(f.enum) > 0 && f.fallback != "" && !slices.Contains(f.enum, f.fallback) {
				t.Errorf("%s.%s: the default %q is none of %v", typ.Name(), f.name, f.fallback, f.enum)
			}
			for _, bound := range []string{f.lowest, f.highest} {
				measure := reflect.New(typ.FieldByIndex(f.index).Type).Elem()
				if bound != "" && bound != "0s" && func() bool { setText(measure, bound); return measure.IsZero() }() {
					t.Errorf("%s.%s: the bound %q does not fit", typ.Name(), f.name, bound)
				}
			}
		}
	}
}
