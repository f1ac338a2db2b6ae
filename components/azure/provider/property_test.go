package provider

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Whatever is made, read back and compared with itself makes no difference: for
// each type, with inputs at random, an Azure that adds defaults, writes IDs and
// regions its own way, turns lists of identities around, and returns no secrets.
func TestCreateReadDiffIsQuiet(t *testing.T) {
	t.Parallel()
	everyType(t, func(t *testing.T, rt *resourceType) {
		for seed := range uint64(40) {
			g := &maker{rand.New(rand.NewPCG(seed, 7))}
			in := g.inputs(rt)
			f := newFake()
			f.shape = func(_ string, body obj) obj { return asAzureReturns(body, &rt.object, g) }
			token := "azure-native:" + strings.Replace(rt.token, ":", "/v"+strings.ReplaceAll(rt.api, "-", "")+":", 1)
			r := resourceOf(t, testServer(t, f), token, "name")
			must(t, r.createMap(in))
			f.put(r.path(t), respelt(f.objects[strings.ToLower(r.path(t))]).(obj))
			must(t, r.refresh())
			if d := r.diff(in); len(d.GetDetailedDiff()) > 0 {
				t.Fatalf("seed %d: differences %v\nof %v", seed, d.GetDetailedDiff(), in.GoString())
			}
			body := f.sent(t, r.path(t))
			must(t, r.update(in))
			if again := f.bodies[strings.ToLower(pathOf(r.id))]; !sameBody(body, again[len(again)-1]) {
				t.Fatalf("seed %d: the update sends another body:\n%v\n%v", seed, body, again)
			}
		}
	})
}

// respelt changes the case of IDs, as Azure does from one answer to the next.
func respelt(v any) any {
	switch v := v.(type) {
	case string:
		if isID(v) {
			return strings.ToUpper(v)
		}
	case []any:
		for i, e := range v {
			v[i] = respelt(e)
		}
	case obj:
		for k, e := range v {
			e = respelt(e)
			o, _ := e.(obj)
			if _, identity := o["clientId"]; identity && isID(k) {
				delete(v, k)
				k = strings.ToUpper(k)
			}
			v[k] = e
		}
	}
	return v
}

// path is where the resource was made.
func (r *res) path(t *testing.T) string {
	t.Helper()
	rt, err := r.srv.typeOf(r.urn)
	must(t, err)
	path, err := rt.path.fill(testSubscription, unpack(t, r.inputs))
	must(t, err)
	return path
}

func sameBody(a, b obj) bool {
	a, b = clone(a), clone(b)
	delete(a, eTagKey) // Azure's latest, in an update
	delete(b, eTagKey)
	return equal(fromJSON(a), fromJSON(b))
}

// maker makes inputs at random.
type maker struct{ *rand.Rand }

func (g *maker) inputs(rt *resourceType) property.Map {
	out := g.object(&rt.object, 4).AsMap().Delete("eTag", "id")
	for _, name := range rt.path.params() {
		text := "named" + strings.Repeat("x", g.IntN(5))
		switch {
		case name == scopeParam:
			text = "/subscriptions/" + testSubscription
		case rt.naming() == nameGUID && name == rt.path.name():
			text = roleName
		}
		out = out.Set(name, property.New(text))
	}
	return out
}

func (g *maker) object(o *object, depth int) property.Value {
	out := map[string]property.Value{}
	for name, p := range o.props {
		nested := p.holdsValues() && depth == 0
		if p.in && (p.required || !nested && g.IntN(2) == 0) {
			out[name] = g.value(p.shape, depth)
			if text := out[name]; text.IsString() && len(text.AsString()) < p.min {
				out[name] = property.New(strings.Repeat("n", p.min))
			} else if text.IsString() && p.max > 0 && len(text.AsString()) > p.max {
				out[name] = property.New(text.AsString()[:p.max])
			}
		}
	}
	return property.New(property.NewMap(out))
}

func (g *maker) value(s shape, depth int) property.Value {
	switch s.kind {
	case kindBool:
		return property.New(g.IntN(2) == 0)
	case kindInt:
		return property.New(float64(g.IntN(1000) - 10))
	case kindNumber:
		return property.New(float64(g.IntN(100)) / 4)
	case kindObject:
		return g.object(s.object, depth-1)
	case kindList:
		var out []property.Value
		for range g.IntN(3) {
			out = append(out, g.value(*s.elem, depth))
		}
		return property.New(property.NewArray(out))
	case kindMap:
		out := map[string]property.Value{}
		for range g.IntN(3) {
			out[g.text()] = g.value(*s.elem, depth)
		}
		return property.New(property.NewMap(out))
	case kindIDSet:
		out := []property.Value{property.New("/subscriptions/s/z"), property.New("/subscriptions/s/A")}
		return property.New(property.NewArray(out[:g.IntN(3)]))
	}
	return property.New(g.text())
}

func (g *maker) text() string {
	texts := []string{"", "a", "West Europe", "/subscriptions/S/resourceGroups/X", "dev.envctl.instance", "ä\n\"quoted\"", "0123456789abcdef"}
	return texts[g.IntN(len(texts))]
}

// asAzureReturns drops what is only sent, and adds what Azure adds.
func asAzureReturns(body obj, o *object, g *maker) obj {
	out := clone(body)
	under, _ := out[propertiesKey].(obj)
	for name, p := range o.props {
		at := out
		if o.under(name) {
			if under == nil {
				under = sub(out)
			}
			at = under
		}
		v, sent := at[p.wire]
		switch {
		case !p.out:
			delete(at, p.wire)
		case sent:
			at[p.wire] = shapeReturned(v, p.shape, g)
		case g.IntN(4) == 0:
			at[p.wire] = nil
		case g.IntN(4) == 0 && p.kind == kindString:
			at[p.wire] = "Azure's own"
		}
	}
	return out
}

func shapeReturned(v any, s shape, g *maker) any {
	switch v := v.(type) {
	case obj:
		if s.kind == kindObject {
			return asAzureReturns(v, s.object, g)
		}
		if s.kind == kindMap {
			for k, e := range v {
				v[k] = shapeReturned(e, *s.elem, g)
			}
		}
		if s.kind == kindIDSet {
			for k := range v {
				v[k] = obj{"clientId": "c", "principalId": "p"}
			}
		}
	case []any:
		for i, e := range v {
			v[i] = shapeReturned(e, *s.elem, g)
		}
	}
	return v
}
