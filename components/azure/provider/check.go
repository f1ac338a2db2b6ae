package provider

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// checker collects the rules that inputs break.
type checker struct {
	rt    *resourceType
	fails []*pulumirpc.CheckFailure
}

// check compares inputs with the type's table. What is not known yet passes: it
// is looked at when it is known.
func (rt *resourceType) check(in property.Map) []*pulumirpc.CheckFailure {
	c := &checker{rt: rt}
	c.object("", in, &rt.object)
	return c.fails
}

func (c *checker) fail(path, reason string, args ...any) {
	c.fails = append(c.fails, &pulumirpc.CheckFailure{Property: path, Reason: fmt.Sprintf(reason, args...)})
}

func (c *checker) object(path string, m property.Map, o *object) {
	names := make([]string, 0, len(o.props))
	for name := range o.props {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p := o.props[name]
		v, ok := given(m, name)
		switch {
		case ok && p.in:
			c.value(join(path, name), v, p)
		case !ok && p.in && p.required:
			c.fail(join(path, name), "missing required property '%s'", join(path, name))
		case ok:
			c.fail(join(path, name), "property '%s' is set by Azure: leave it out", join(path, name))
		}
	}
	for _, name := range keysOf(m) {
		if _, ok := o.props[name]; !ok {
			c.fail(join(path, name), "property '%s' is not one of %s in API version %s, which has %s",
				join(path, name), c.rt.token, c.rt.api, strings.Join(settable(o), ", "))
		}
	}
}

// settable are the members that may be set, sorted.
func settable(o *object) []string {
	var out []string
	for name, p := range o.props {
		if p.in {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (c *checker) value(path string, v property.Value, p *prop) {
	c.shape(path, v, p.shape)
	if v.IsString() {
		c.text(path, v, p)
	}
}

func (c *checker) shape(path string, v property.Value, s shape) {
	if v.IsComputed() || s.kind == kindAny {
		return
	}
	switch {
	case s.kind == kindObject && v.IsMap():
		c.object(path, v.AsMap(), s.object)
	case s.kind == kindMap && v.IsMap():
		for k, e := range v.AsMap().AllStable {
			if !e.IsNull() {
				c.shape(join(path, k), e, *s.elem)
			}
		}
	case s.kind == kindList && v.IsArray():
		for i, e := range v.AsArray().All {
			c.shape(fmt.Sprintf("%s[%d]", path, i), e, *s.elem)
		}
	case s.kind == kindIDSet && v.IsArray():
		for i, e := range v.AsArray().All {
			c.shape(fmt.Sprintf("%s[%d]", path, i), e, shape{kind: kindString})
		}
	case !scalarFits(v, s.kind):
		c.fail(path, "property '%s' is %s, expected %s", path, kindOf(v), s.kind.wanted())
	}
}

func scalarFits(v property.Value, k kind) bool {
	switch k {
	case kindString:
		return v.IsString()
	case kindBool:
		return v.IsBool()
	case kindNumber:
		return v.IsNumber()
	case kindInt:
		return v.IsNumber() && v.AsNumber() == math.Trunc(v.AsNumber()) && math.Abs(v.AsNumber()) < 1<<53
	}
	return false
}

// text looks at length and pattern. A secret's value is not shown.
func (c *checker) text(path string, v property.Value, p *prop) {
	text, n := v.AsString(), utf8.RuneCountInString(v.AsString())
	shown := fmt.Sprintf("%q", text)
	if v.Secret() || p.secret {
		shown = "a secret"
	}
	switch {
	case p.min > 0 && n < p.min:
		c.fail(path, "property '%s' is %s, too short with %d characters: expected at least %d", path, shown, n, p.min)
	case p.max > 0 && n > p.max:
		c.fail(path, "property '%s' is %s, too long with %d characters: expected at most %d", path, shown, n, p.max)
	case p.pattern != nil && !p.pattern.MatchString(text):
		c.fail(path, "property '%s' is %s, which does not match %s", path, shown, p.pattern)
	}
}

// clean drops internal keys and nulls of the top level, and marks what the
// table says is secret.
func (rt *resourceType) clean(in property.Map) property.Map {
	out := map[string]property.Value{}
	for _, name := range keysOf(in) {
		v, ok := given(in, name)
		if !ok {
			continue
		}
		if p, known := rt.props[name]; known {
			v = markInput(v, p)
		}
		out[name] = v
	}
	return property.NewMap(out)
}

// markInput marks secret strings at any depth. Objects and lists are marked in
// their leaves, so that what stands beside a secret stays readable.
func markInput(v property.Value, p *prop) property.Value {
	if p.secret && !p.holdsValues() {
		return v.WithSecret(true)
	}
	return markShape(v, p.shape)
}

func (s shape) holdsValues() bool {
	return s.kind == kindObject || s.kind == kindList || s.kind == kindMap
}

func markShape(v property.Value, s shape) property.Value {
	secret := v.Secret()
	switch {
	case s.kind == kindObject && v.IsMap():
		out := v.AsMap().AsMap()
		for k, e := range out {
			if p, ok := s.object.props[k]; ok && !e.IsNull() {
				out[k] = markInput(e, p)
			}
		}
		return property.New(property.NewMap(out)).WithSecret(secret).WithDependencies(v.Dependencies())
	case s.kind == kindList && v.IsArray():
		out := v.AsArray().AsSlice()
		for i, e := range out {
			out[i] = markShape(e, *s.elem)
		}
		return property.New(property.NewArray(out)).WithSecret(secret).WithDependencies(v.Dependencies())
	}
	return v
}
