package definition

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// Schema is the JSON Schema (draft 2020-12) of an envctl.yaml, generated from
// the types of this package: the tags give the rules, the comments the
// descriptions. It accepts every document that Read accepts, and rejects what
// Read rejects but for the rules that [Unexpressed] lists.
func Schema() ([]byte, error) {
	comments, err := comments(source)
	if err != nil {
		return nil, err
	}
	reflector := jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true,
		Mapper: measureSchema, CommentMap: comments,
	}
	root := reflector.Reflect(&Definition{})
	root.Title = "envctl.yaml"
	describe(root, reflect.TypeFor[Definition]())
	for _, t := range definedTypes() {
		s, ok := root.Definitions[t.Name()]
		if !ok {
			return nil, fmt.Errorf("generate the schema: the type %s is not in it", t.Name())
		}
		describe(s, t)
	}
	addConditions(root)
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("generate the schema: %w", err)
	}
	return append(data, '\n'), nil
}

// definedTypes are the structs below Definition.
func definedTypes() []reflect.Type {
	var out []reflect.Type
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice:
			visit(t.Elem())
		case reflect.Struct:
			if seen[t] {
				return
			}
			seen[t] = true
			out = append(out, t)
			for _, f := range fields(t) {
				visit(t.FieldByIndex(f.index).Type)
			}
		}
	}
	visit(reflect.TypeFor[Definition]())
	return out[1:]
}

// measureSchema is the schema of a Duration or a Size, which are strings in a file.
func measureSchema(t reflect.Type) *jsonschema.Schema {
	least := uint64(2) // a digit and a unit
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern, MinLength: &least}
	case reflect.TypeFor[Size]():
		return &jsonschema.Schema{Type: "string", Pattern: sizePattern, MinLength: &least}
	}
	return nil
}

// describe adds to the schema of a struct what only our own tags say.
func describe(s *jsonschema.Schema, t reflect.Type) {
	for _, f := range fields(t) {
		property, ok := s.Properties.Get(f.name)
		if !ok {
			continue
		}
		property.Description = strings.TrimSpace(property.Description)
		if f.lowest != "" {
			property.Description += fmt.Sprintf(" %s to %s.", f.lowest, f.highest)
		}
		if f.keys != "" {
			property.PropertyNames = ruleSchema(f.keys)
		}
		switch fieldType := t.FieldByIndex(f.index).Type; fieldType.Kind() {
		case reflect.String:
			constrain(property, f)
		case reflect.Slice:
			describeItems(property, fieldType, f)
		case reflect.Map:
			if fieldType.Elem().Kind() == reflect.String {
				property.AdditionalProperties = &jsonschema.Schema{Type: "string"}
				constrain(property.AdditionalProperties, f.item())
			}
		}
	}
}

func describeItems(list *jsonschema.Schema, t reflect.Type, f field) {
	if t.Elem().Kind() == reflect.String {
		list.Items = &jsonschema.Schema{Type: "string"}
		constrain(list.Items, f.item())
		return
	}
	list.Items = &jsonschema.Schema{Type: "integer", Minimum: json.Number(fmt.Sprint(f.bounds["minimum"])), Maximum: json.Number(fmt.Sprint(f.bounds["maximum"]))}
	list.Default = defaultAlerts()
}

// constrain puts the text rule or the list of values on a string, with the ways
// around them: an optional key may be empty, and what ${NAME} stands for is not known.
func constrain(s *jsonschema.Schema, f field) {
	base := ruleSchema(f.rule)
	if len(f.enum) > 0 {
		base = &jsonschema.Schema{Enum: s.Enum}
	}
	var around []*jsonschema.Schema
	if f.empty() {
		around = append(around, emptyString())
	}
	if f.expand {
		s.Pattern = textRules()["template"].pattern
		around = append(around, template())
	}
	switch {
	case base == nil:
	case len(around) > 0:
		s.Enum, s.AnyOf = nil, append([]*jsonschema.Schema{base}, around...)
	default:
		s.Enum, s.Pattern, s.Not, s.MinLength, s.MaxLength = base.Enum, base.Pattern, base.Not, base.MinLength, base.MaxLength
	}
}

func emptyString() *jsonschema.Schema {
	none := uint64(0)
	return &jsonschema.Schema{MaxLength: &none}
}

func filledString() *jsonschema.Schema {
	one := uint64(1)
	return &jsonschema.Schema{MinLength: &one}
}

// template is any string with a ${NAME} in it.
func template() *jsonschema.Schema { return &jsonschema.Schema{Pattern: `\$\{`} }

// ruleSchema is a named text rule as a schema; nil for no name.
func ruleSchema(name string) *jsonschema.Schema {
	rule, ok := textRules()[name]
	if !ok {
		return nil
	}
	s := &jsonschema.Schema{Pattern: rule.pattern}
	if rule.not != "" {
		s.Not = &jsonschema.Schema{Pattern: rule.not}
	}
	if rule.min > 0 {
		least := uint64(rule.min)
		s.MinLength = &least
	}
	if rule.max > 0 {
		most := uint64(rule.max)
		s.MaxLength = &most
	}
	return s
}

// comments are the doc comments of the types and fields in Go source, keyed as
// the reflector looks them up: package path, type and field.
func comments(source []byte) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "definition.go", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("generate the schema: read the types: %w", err)
	}
	out := map[string]string{}
	prefix := reflect.TypeFor[Definition]().PkgPath() + "."
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.TYPE {
			continue
		}
		spec := group.Specs[0].(*ast.TypeSpec)
		out[prefix+spec.Name.Name] = strings.Join(strings.Fields(group.Doc.Text()), " ")
		if structure, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range structure.Fields.List {
				for _, name := range f.Names {
					out[prefix+spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				}
			}
		}
	}
	return out, nil
}
