package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// subscriptionParam is filled by the connection, not by an input.
const subscriptionParam = "subscriptionId"

// scopeParam is the one parameter that has slashes.
const scopeParam = "scope"

// pathTemplate is a resource's path with {parameters}, in segments.
type pathTemplate []string

func parseTemplate(s string) pathTemplate { return strings.Split(strings.Trim(s, "/"), "/") }

func param(segment string) (string, bool) {
	if strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}") {
		return segment[1 : len(segment)-1], true
	}
	return "", false
}

// params are the inputs that the path is made of.
func (t pathTemplate) params() []string {
	var out []string
	for _, s := range t {
		if p, ok := param(s); ok && p != subscriptionParam {
			out = append(out, p)
		}
	}
	return out
}

// name is the parameter that names the resource itself.
func (t pathTemplate) name() string {
	ps := t.params()
	return ps[len(ps)-1]
}

// fill makes the resource's ID from inputs.
func (t pathTemplate) fill(subscription string, in property.Map) (string, error) {
	var b strings.Builder
	for _, s := range t {
		p, ok := param(s)
		switch {
		case !ok:
			b.WriteString("/" + s)
			continue
		case p == subscriptionParam:
			b.WriteString("/" + subscription)
			continue
		}
		v := in.Get(p)
		if !v.IsString() {
			return "", fmt.Errorf("property %q is needed for the resource's ID and is %s", p, kindOf(v))
		}
		text := v.AsString()
		if p == scopeParam {
			text = strings.Trim(text, "/")
		} else if strings.Contains(text, "/") {
			return "", fmt.Errorf("property %q is %q: a name in an ID has no slash", p, text)
		}
		if text == "" || strings.ContainsAny(text, "?#%\\ \t\r\n") {
			return "", fmt.Errorf("property %q is %q: expected text that can stand in an ID, "+
				"without spaces and without ? # %% \\", p, text)
		}
		b.WriteString("/" + text)
	}
	return b.String(), nil
}

// parse takes an ID apart into the template's parameters, the subscription
// included. Case matters only in the values.
func (t pathTemplate) parse(id string) (map[string]string, error) {
	segments := strings.Split(strings.Trim(id, "/"), "/")
	bad := fmt.Errorf("ID %q does not have the form %q", id, "/"+strings.Join(t, "/"))
	out := map[string]string{}
	rest := t
	if p, ok := param(t[0]); ok && p == scopeParam {
		n := len(segments) - (len(t) - 1)
		if n < 1 || slices.Contains(segments[:n], "") {
			return nil, bad
		}
		out[scopeParam] = strings.Join(segments[:n], "/")
		segments, rest = segments[n:], t[1:]
		if strings.HasPrefix(id, "/") {
			out[scopeParam] = "/" + out[scopeParam]
		}
	}
	if len(segments) != len(rest) {
		return nil, bad
	}
	for i, s := range rest {
		p, ok := param(s)
		switch {
		case ok && segments[i] != "":
			out[p] = segments[i]
		case ok || !strings.EqualFold(s, segments[i]):
			return nil, bad
		}
	}
	return out, nil
}

// parentOf is the ID of the resource above: its last type and name taken off.
func parentOf(id string) string {
	segments := strings.Split(strings.TrimRight(id, "/"), "/")
	if len(segments) <= 2 {
		return id
	}
	return strings.Join(segments[:len(segments)-2], "/")
}
