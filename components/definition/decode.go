package definition

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// place is where a key and its value are written; for a list's item both are the same.
type place struct{ key, value position }

// decoder fills a Definition from a tree. It goes on after every problem, so
// what it filled is complete only where it found none.
type decoder struct {
	file     string
	lookup   func(string) (string, bool)
	problems Problems
	at       map[string]place // by path, of everything that was read
	broken   map[string]bool  // by path, of what the tree could not tell
}

func (d *decoder) problem(at position, path, message, hint string) {
	d.problems = append(d.problems, Problem{d.file, at.line, at.column, path, message, hint})
}

// wrong reports that a node is not of the kind that a key takes.
func (d *decoder) wrong(n *node, path, expected string) {
	if n.kind == nothing {
		d.problem(n.at, path, "has no value; expected "+expected, "give it one or remove the key")
		return
	}
	have := n.kind.String()
	if strings.HasPrefix(path, "secrets.") && expected == "a mapping" {
		// What stands here may be the secret itself: it is not shown.
		d.problem(n.at, path, "expected "+expected+", not "+have, "a secret's value does not stand in the file: write {env: VARIABLE}, {file: PATH} or {generate: 32}")
		return
	}
	if n.kind < list {
		have += " " + strconv.Quote(shorten(n.source))
	}
	d.problem(n.at, path, "expected "+expected+", not "+have, shapeHint(n, path, expected))
}

// value decodes one node into v, which f describes.
func (d *decoder) value(n *node, v reflect.Value, path string, f field) {
	if n.kind == broken {
		d.broken[path] = true
		return
	}
	if target, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.measure(n, v, target, path, f)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		inner := reflect.New(v.Type().Elem())
		setDefaults(inner.Elem())
		d.value(n, inner.Elem(), path, f)
		v.Set(inner)
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path, f)
	case reflect.Slice:
		d.list(n, v, path, f)
	case reflect.String:
		d.text(n, v, path, f)
	case reflect.Bool:
		if n.kind != boolean {
			d.wrong(n, path, "true or false")
			return
		}
		v.SetBool(n.value.(bool))
	default:
		d.number(n, v, path, f)
	}
}

// object decodes a mapping with known keys into a struct.
func (d *decoder) object(n *node, v reflect.Value, path string) {
	if n.kind != mapping {
		d.wrong(n, path, "a mapping")
		return
	}
	if path == "" && d.foreign(n) {
		return
	}
	known := fields(v.Type())
	given := map[string]entry{}
	for _, e := range n.entries {
		given[e.key] = e
	}
	for _, f := range known {
		e, ok := given[f.name]
		delete(given, f.name)
		below := childPath(path, f.name)
		switch {
		case ok:
			d.at[below] = place{e.at, e.value.at}
			d.value(e.value, v.FieldByIndex(f.index), below, f)
		case f.required:
			d.problem(n.at, below, "is missing", "add it")
		}
	}
	for _, e := range n.entries {
		if _, unknown := given[e.key]; unknown {
			d.problem(e.at, childPath(path, e.key), unknownKey, unknownHint(path, e, names(known)))
		}
	}
}

// mapping decodes a mapping whose keys are the user's own names.
func (d *decoder) mapping(n *node, v reflect.Value, path string, f field) {
	if n.kind != mapping {
		d.wrong(n, path, "a mapping")
		return
	}
	if len(n.entries) == 0 && f.optional {
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	for _, e := range n.entries {
		below := childPath(path, e.key)
		d.at[below] = place{e.at, e.value.at}
		d.rule(e.at, below, f.keys, e.key, strconv.Quote(shorten(e.key)))
		item := reflect.New(v.Type().Elem()).Elem()
		setDefaults(item)
		d.value(e.value, item, below, f.item())
		out.SetMapIndex(reflect.ValueOf(e.key), item)
	}
	v.Set(out)
}

func (d *decoder) list(n *node, v reflect.Value, path string, f field) {
	if n.kind != list {
		d.wrong(n, path, "a list")
		return
	}
	if len(n.items) == 0 && f.optional {
		return
	}
	if most, ok := f.bounds["maxItems"]; ok && len(n.items) > int(most) {
		d.problem(n.at, path, fmt.Sprintf("has %d items; at most %d are allowed", len(n.items), int(most)), "")
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	first := map[any]int{}
	for i, item := range n.items {
		below := itemPath(path, i)
		d.at[below] = place{item.at, item.at}
		d.value(item, out.Index(i), below, f.item())
		if item.kind >= list || !f.unique {
			continue
		}
		value := out.Index(i).Interface()
		if earlier, again := first[value]; again {
			d.problem(item.at, below, fmt.Sprintf("%s is in the list already, as item %d", quote(item), earlier+1), "remove one of them")
			continue
		}
		first[value] = i
	}
	v.Set(out)
}

// item is the field of a list's items or a map's values.
func (f field) item() field {
	f.required, f.optional, f.nonempty, f.keys, f.unique = false, false, true, "", false
	return f
}

// quote is a scalar as a message shows it.
func quote(n *node) string {
	if n.kind == text {
		return strconv.Quote(shorten(n.source))
	}
	return shorten(n.source)
}

// setDefaults sets the defaults of a struct's keys and of the structs in it
// that are there even where the key is absent.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range fields(v.Type()) {
		target := v.FieldByIndex(f.index)
		if f.fallback == "" {
			setDefaults(target)
			continue
		}
		setText(target, f.fallback)
	}
	if budget, ok := v.Addr().Interface().(*Budget); ok {
		budget.Alerts = defaultAlerts()
	}
}

// defaultAlerts are the percents of a budget that names none.
func defaultAlerts() []int { return []int{50, 80, 100} }

// setText sets a scalar from the text of a struct tag. A tag that does not fit
// its field leaves zero, which the test of the defaults finds.
func setText(v reflect.Value, s string) {
	if target, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		_ = target.UnmarshalText([]byte(s))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Float64:
		n, _ := strconv.ParseFloat(s, 64)
		v.SetFloat(n)
	default:
		n, _ := strconv.ParseInt(s, 10, 64)
		v.SetInt(n)
	}
}
