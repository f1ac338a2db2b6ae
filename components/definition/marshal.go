package definition

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
)

// SchemaLine is the first line of a definition that envctl writes; editors with
// the YAML language server check and complete by it.
const SchemaLine = "# yaml-language-server: $schema=./envctl.schema.json\n"

// Marshal writes a definition as an envctl.yaml that Read reads back as an
// equal one: every default written out, $ escaped where Read replaces ${NAME}.
func Marshal(def *Definition) ([]byte, error) {
	var escaped Definition
	data, err := json.Marshal(def)
	if err == nil {
		err = json.Unmarshal(data, &escaped)
	}
	if err != nil {
		return nil, fmt.Errorf("write the definition %q: %w", def.Name, err)
	}
	escapeStrings(reflect.ValueOf(&escaped).Elem(), false)
	if data, err = json.Marshal(escaped); err == nil {
		data, err = toYAML(data)
	}
	if err != nil {
		return nil, fmt.Errorf("write the definition %q: %w", def.Name, err)
	}
	return append([]byte(SchemaLine), data...), nil
}

// escapeStrings escapes every string that the tag expand covers.
func escapeStrings(v reflect.Value, covered bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			escapeStrings(v.Elem(), covered)
		}
	case reflect.Struct:
		for _, f := range fields(v.Type()) {
			escapeStrings(v.FieldByIndex(f.index), f.expand)
		}
	case reflect.Slice:
		for i := range v.Len() {
			escapeStrings(v.Index(i), covered)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			item := reflect.New(v.Type().Elem()).Elem()
			item.Set(v.MapIndex(key))
			escapeStrings(item, covered)
			v.SetMapIndex(key, item)
		}
	case reflect.String:
		if covered {
			v.SetString(escape(v.String()))
		}
	}
}

// Hash is "sha256:" and the hexadecimal SHA-256 of the definition's canonical
// JSON form: defaults filled in, keys of maps sorted, Dir left out. Two
// definitions with the same hash describe the same thing, however they are written.
func Hash(def *Definition) string {
	data, err := json.Marshal(def)
	if err != nil { // a NaN, which no definition that was read has
		panic(fmt.Sprintf("definition: hash %q: %v", def.Name, err))
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
