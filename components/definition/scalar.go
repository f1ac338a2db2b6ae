package definition

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// text decodes a string: ${NAME} first, then the rule or the list of values.
func (d *decoder) text(n *node, v reflect.Value, path string, f field) {
	if n.kind != text {
		d.wrong(n, path, "a string")
		return
	}
	s := n.value.(string)
	if f.expand {
		var ok bool
		if s, ok = d.expand(n, s, path); !ok {
			return
		}
	}
	if s == "" && f.empty() {
		if f.fallback == "" {
			v.SetString("")
		}
		return
	}
	v.SetString(s)
	switch {
	case len(f.enum) > 0 && !slices.Contains(f.enum, s):
		d.problem(n.at, path, fmt.Sprintf("%s is none of %s", quote(n), strings.Join(f.enum, ", ")), didYouMean(s, f.enum))
	case f.rule != "":
		d.rule(n.at, path, f.rule, s, quote(n))
	}
}

// rule reports a text that breaks the named rule; no name, no rule. The message
// shows the text as it is in the file, never what the environment put into it.
func (d *decoder) rule(at position, path, name, s, shown string) {
	if name == "" {
		return
	}
	if why := compiledRules()[name].refuse(s); why != "" {
		d.problem(at, path, shown+" "+why, ruleHint(name, s))
	}
}

// measure decodes a Duration or a Size.
func (d *decoder) measure(n *node, v reflect.Value, target encoding.TextUnmarshaler, path string, f field) {
	what := "a size as 512Mi"
	if _, ok := target.(*Duration); ok {
		what = "a duration as 30s or 8h"
	}
	if n.kind != text {
		d.wrong(n, path, what)
		return
	}
	if err := target.UnmarshalText([]byte(n.value.(string))); err != nil {
		d.problem(n.at, path, err.Error(), "")
		return
	}
	if f.lowest == "" {
		return
	}
	low, high := reflect.New(v.Type()).Elem(), reflect.New(v.Type()).Elem()
	setText(low, f.lowest)
	setText(high, f.highest)
	if v.Int() < low.Int() || v.Int() > high.Int() {
		d.problem(n.at, path, fmt.Sprintf("%s is out of range", n.source), fmt.Sprintf("give %s to %s", f.lowest, f.highest))
	}
}

// number decodes an integer or a number and holds it against its bounds. As in
// JSON Schema, 8080.0 is an integer.
func (d *decoder) number(n *node, v reflect.Value, path string, f field) {
	expected := "an integer"
	if v.Kind() == reflect.Float64 {
		expected = "a number"
	}
	x, ok := asFloat(n)
	if !ok || (v.Kind() != reflect.Float64 && x != math.Trunc(x)) {
		d.wrong(n, path, expected)
		return
	}
	if !d.within(n, x, path, f) {
		return
	}
	switch v.Kind() {
	case reflect.Float64:
		v.SetFloat(x)
	default:
		v.SetInt(int64(x))
	}
}

// asFloat is the value of a number; a definition has none that a float64 rounds.
func asFloat(n *node) (float64, bool) {
	switch value := n.value.(type) {
	case int64:
		return float64(value), true
	case uint64:
		return float64(value), true
	case float64:
		return value, !math.IsInf(value, 0) && !math.IsNaN(value)
	}
	return 0, false
}

// within holds a number against the bounds of its field. An integer has both.
func (d *decoder) within(n *node, x float64, path string, f field) bool {
	low, hasLow := f.bounds["minimum"]
	above, hasAbove := f.bounds["exclusiveMinimum"]
	high, hasHigh := f.bounds["maximum"]
	step := f.bounds["multipleOf"]
	number := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	switch {
	case hasLow && x < low, hasHigh && x > high, hasAbove && x <= above:
		bounds := number(low)
		if hasAbove {
			bounds = "a number above " + number(above)
		}
		d.problem(n.at, path, quote(n)+" is out of range", "give "+bounds+" to "+number(high))
	case step > 0 && math.Mod(x, step) != 0:
		d.problem(n.at, path, quote(n)+" is not a multiple of "+number(step), "")
	default:
		return true
	}
	return false
}
