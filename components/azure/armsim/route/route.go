// Package route reads Resource Manager's paths, which ignore case.
package route

import (
	"fmt"
	"strings"
)

// Path is a parsed request path.
type Path struct {
	Subscription string
	Group        string // name of the resource group
	// Scope is what stands before the last /providers/, without a slash at the
	// end: "", /subscriptions/S, …/resourceGroups/G or a resource's id.
	Scope     string
	Namespace string   // Microsoft.App; "" of subscriptions and groups themselves
	Types     []string // containerApps, revisions, …
	Names     []string // one for each type, but for the last where Odd
	// Odd says that the path ends with a type and no name: a collection or an action.
	Odd bool
}

// longest path that is read; Resource Manager's ids are far shorter.
const longest = 4096

// Parse reads a path. It fails on one that is empty, too long, has empty
// segments or does not begin with a known root.
func Parse(path string) (Path, error) {
	if len(path) > longest {
		return Path{}, fmt.Errorf("the path has %d characters, at most %d are read", len(path), longest)
	}
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for _, s := range segments {
		if s == "" {
			return Path{}, fmt.Errorf("the path %q has an empty segment", path)
		}
	}
	var p Path
	last := -1
	for i, s := range segments {
		if strings.EqualFold(s, "providers") && i%2 == 0 {
			last = i
		}
	}
	scope := segments
	if last >= 0 {
		scope = segments[:last]
		p.provider(segments[last+1:])
	}
	if err := p.scope(scope, last < 0); err != nil {
		return Path{}, fmt.Errorf("the path %q: %w", path, err)
	}
	return p, nil
}

// provider reads what follows the last "providers".
func (p *Path) provider(segments []string) {
	if len(segments) == 0 {
		p.Odd = true // …/providers: the collection of providers
		p.Types = []string{"providers"}
		return
	}
	p.Namespace = segments[0]
	for i, s := range segments[1:] {
		if i%2 == 0 {
			p.Types = append(p.Types, s)
		} else {
			p.Names = append(p.Names, s)
		}
	}
	p.Odd = len(p.Types) > len(p.Names)
}

func (p *Path) scope(segments []string, alone bool) error {
	if len(segments) == 0 {
		return nil
	}
	if alone && len(segments) == 1 && strings.EqualFold(segments[0], "tenants") {
		p.plain(segments)
		return nil
	}
	if !strings.EqualFold(segments[0], "subscriptions") {
		if alone || !strings.EqualFold(segments[0], "providers") {
			return fmt.Errorf("does not begin with /subscriptions/ or /providers/, but with %q", segments[0])
		}
		p.Scope = "/" + strings.Join(segments, "/")
		return nil
	}
	if len(segments) > 1 {
		p.Subscription = segments[1]
	}
	if len(segments) > 3 && strings.EqualFold(segments[2], "resourceGroups") {
		p.Group = segments[3]
	}
	if alone {
		p.plain(segments)
		return nil
	}
	if len(segments) == 1 {
		return fmt.Errorf("lacks the subscription")
	}
	p.Scope = "/" + strings.Join(segments, "/")
	return nil
}

// plain reads a path without providers as if it were of Microsoft.Resources.
func (p *Path) plain(segments []string) {
	for i, s := range segments {
		if i%2 == 0 {
			p.Types = append(p.Types, s)
		} else {
			p.Names = append(p.Names, s)
		}
	}
	p.Types = strings.Split(strings.TrimPrefix(Canonical("/"+strings.Join(p.Types, "/x/")), "/"), "/x/")
	p.Odd = len(p.Types) > len(p.Names)
}

// Type is the full type as written, Microsoft.App/containerApps/revisions; of a
// path without a provider it begins with Microsoft.Resources.
func (p Path) Type() string {
	namespace := p.Namespace
	if namespace == "" {
		namespace = "Microsoft.Resources"
	}
	return namespace + "/" + strings.Join(p.Types, "/")
}

// Parent drops the last type (and name, unless Odd).
func (p Path) Parent() Path {
	out := p
	out.Types = p.Types[:max(len(p.Types)-1, 0)]
	if !p.Odd {
		out.Names = p.Names[:max(len(p.Names)-1, 0)]
	}
	out.Odd = false
	return out
}

// Last is the last type as written, the name of the collection or action where Odd.
func (p Path) Last() string {
	if len(p.Types) == 0 {
		return ""
	}
	return p.Types[len(p.Types)-1]
}

// Name is the last name.
func (p Path) Name() string {
	if len(p.Names) == 0 {
		return ""
	}
	return p.Names[len(p.Names)-1]
}

// ID is the resource's id (of a collection: its path) with the segments that
// Resource Manager itself knows in their usual case.
func (p Path) ID() string {
	var b strings.Builder
	if p.Namespace != "" {
		b.WriteString(Canonical(p.Scope) + "/providers/" + p.Namespace)
	}
	for i, t := range p.Types {
		b.WriteString("/" + t)
		if i < len(p.Names) {
			b.WriteString("/" + p.Names[i])
		}
	}
	if p.Namespace == "" {
		return Canonical(b.String())
	}
	return b.String()
}

// Canonical writes the segments subscriptions, resourceGroups and providers of
// an id in their usual case, and nothing else.
func Canonical(id string) string {
	segments := strings.Split(id, "/")
	for i, s := range segments {
		if i%2 == 0 {
			continue // the leading slash makes the keys odd
		}
		for _, known := range []string{"subscriptions", "resourceGroups", "providers"} {
			if strings.EqualFold(s, known) {
				segments[i] = known
			}
		}
	}
	return strings.Join(segments, "/")
}
