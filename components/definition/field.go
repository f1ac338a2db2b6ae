package definition

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is what the struct tags say of one key; for the items of a list and the
// values of a map it is the field of the list or the map.
type field struct {
	name     string // the key
	index    []int  // as reflect.Value.FieldByIndex takes it
	rule     string // text rule of the string, the items or the values
	keys     string // text rule of a map's keys
	enum     []string
	fallback string // default, as text
	lowest   string // of Duration and Size
	highest  string
	bounds   map[string]float64 // minimum, maximum, exclusiveMinimum, multipleOf, maxItems
	required bool
	optional bool // an empty string, list or map is as if absent
	nonempty bool
	unique   bool
	expand   bool
}

// fields are the keys of a struct, those of an embedded one included, in order.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Anonymous {
			for _, inner := range fields(sf.Type) {
				inner.index = append([]int{i}, inner.index...)
				out = append(out, inner)
			}
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		f := field{
			name: name, index: []int{i}, bounds: map[string]float64{},
			rule: sf.Tag.Get("rule"), keys: sf.Tag.Get("keys"),
			optional: options == "omitempty", nonempty: sf.Tag.Get("nonempty") != "", expand: sf.Tag.Get("expand") != "",
		}
		f.lowest, f.highest, _ = strings.Cut(sf.Tag.Get("range"), "..")
		f.readSchemaTag(sf.Tag.Get("jsonschema"))
		out = append(out, f)
	}
	return out
}

func (f *field) readSchemaTag(tag string) {
	for part := range strings.SplitSeq(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "":
		case "required":
			f.required = true
		case "uniqueItems":
			f.unique = true
		case "enum":
			f.enum = append(f.enum, value)
		case "default":
			f.fallback = value
		default:
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				f.bounds[key] = n
			}
		}
	}
}

// names are the keys of fields, sorted.
func names(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	slices.Sort(out)
	return out
}

// empty says whether an empty string stands for an absent key.
func (f field) empty() bool { return f.optional && !f.nonempty }
