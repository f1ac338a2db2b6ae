package keytrees

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Problem is one thing in a body that the specification does not permit.
type Problem struct {
	Path string // properties.template.containers[0].imge
	Text string // what is wrong and what is permitted
}

// Check compares body, decoded JSON, with the tree called name. Problems come in
// the order of their paths.
func (t *Trees) Check(name string, body any) ([]Problem, error) {
	found, err := t.tree(name)
	if err != nil {
		return nil, err
	}
	c := &checker{defs: found.Defs}
	c.check("", found.Defs[found.Root], body)
	slices.SortFunc(c.problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return c.problems, nil
}

type checker struct {
	defs     map[string]*node
	problems []Problem
}

func (c *checker) add(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) check(path string, n *node, value any) {
	for n != nil && n.Kind == "ref" {
		n = c.defs[n.Ref]
	}
	if n == nil || n.Kind == "any" || value == nil {
		return
	}
	switch n.Kind {
	case "object":
		c.object(path, n, value)
	case "map":
		if members, ok := c.members(path, value); ok {
			for key, item := range members {
				c.check(join(path, key), n.Item, item)
			}
		}
	case "array":
		items, ok := value.([]any)
		if !ok {
			c.add(path, "is %s, but must be an array", kindOf(value))
			return
		}
		for i, item := range items {
			c.check(fmt.Sprintf("%s[%d]", path, i), n.Item, item)
		}
	default:
		c.scalar(path, n, value)
	}
}

func (c *checker) members(path string, value any) (map[string]any, bool) {
	members, ok := value.(map[string]any)
	if !ok {
		c.add(path, "is %s, but must be an object", kindOf(value))
	}
	return members, ok
}

func (c *checker) object(path string, n *node, value any) {
	members, ok := c.members(path, value)
	if !ok {
		return
	}
	for key, item := range members {
		if known := n.Keys[key]; known != nil {
			c.check(join(path, key), known, item)
			continue
		}
		text := "is not a member of this object; it has " + strings.Join(slices.Sorted(maps.Keys(n.Keys)), ", ")
		for known := range n.Keys {
			if strings.EqualFold(known, key) {
				text = fmt.Sprintf("is written %q", known)
			}
		}
		c.add(join(path, key), "%s", text)
	}
	for _, key := range n.Required {
		if value, ok := members[key]; !ok || value == nil {
			c.add(join(path, key), "is required")
		}
	}
}

func (c *checker) scalar(path string, n *node, value any) {
	switch n.Kind {
	case "string":
		text, ok := value.(string)
		if !ok {
			c.add(path, "is %s, but must be a string", kindOf(value))
			return
		}
		same := func(e string) bool { return strings.EqualFold(e, text) }
		if n.Enum != nil && !slices.ContainsFunc(n.Enum, same) {
			c.add(path, "is %q, but must be one of %s", text, strings.Join(n.Enum, ", "))
		}
	case "bool":
		if _, ok := value.(bool); !ok {
			c.add(path, "is %s, but must be true or false", kindOf(value))
		}
	case "int", "number":
		number, ok := toFloat(value)
		if !ok {
			c.add(path, "is %s, but must be a number", kindOf(value))
		} else if n.Kind == "int" && number != math.Trunc(number) {
			c.add(path, "is %v, but must be a whole number", number)
		}
	}
}

func toFloat(value any) (float64, bool) {
	switch value := value.(type) {
	case float64:
		return value, true
	case json.Number:
		f, err := value.Float64()
		return f, err == nil
	}
	return 0, false
}

func kindOf(value any) string {
	switch value := value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return fmt.Sprintf("the string %q", value)
	default:
		return fmt.Sprintf("%v", value)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
