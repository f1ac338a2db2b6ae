package definition

import (
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// position is a line and a column, both from 1.
type position struct{ line, column int }

// kind is what a node of a document is.
type kind int

const (
	nothing kind = iota // null
	boolean
	integer
	float
	text
	list
	mapping
	broken // a problem was reported, so nothing is known of it
)

// String names the kind for a message.
func (k kind) String() string {
	return [...]string{"nothing", "a boolean", "an integer", "a number", "a string", "a list", "a mapping", "unreadable"}[k]
}

// node is a YAML value without what only YAML has: anchors, aliases, merge keys
// and styles are resolved, so decoding sees what a JSON document would hold.
type node struct {
	kind    kind
	at      position
	source  string // a scalar as it is written
	value   any    // bool, int64, uint64, float64 or string
	items   []*node
	entries []entry
}

// entry is one key of a mapping, in the order of the file.
type entry struct {
	key   string
	at    position
	value *node
}

// The bounds of a document, far above what a definition needs.
const (
	maxBytes  = 1 << 18 // of a file; the tokens of the worst take 60 MB
	maxTokens = 30_000  // of YAML; the parser's time grows with their square
	maxDepth  = 32      // of nesting
	maxNodes  = 50_000  // after aliases are resolved
)

// treeBuilder turns the parser's nodes into ours. What cannot be read is
// reported and becomes a broken node, so that nothing is said of it again.
type treeBuilder struct {
	anchors map[string]ast.Node
	nodes   int
	full    bool // maxNodes was reached and said
	problem func(at position, message, hint string)
}

func (b *treeBuilder) build(n ast.Node, depth int) *node {
	if n == nil || b.full {
		return &node{kind: broken}
	}
	at := positionOf(n)
	bad := &node{kind: broken, at: at}
	if b.nodes++; b.nodes > maxNodes {
		b.full = true
		b.problem(at, fmt.Sprintf("the document has more than %d values once its aliases are resolved", maxNodes), "use fewer aliases of aliases")
		return bad
	}
	if depth > maxDepth {
		b.problem(at, fmt.Sprintf("nested deeper than %d levels", maxDepth), "a definition nests a handful of levels; an alias inside its own anchor has no end")
		return bad
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		b.anchors[n.Name.GetToken().Value] = n.Value
		return b.build(n.Value, depth+1)
	case *ast.AliasNode:
		return b.alias(n, depth)
	case *ast.MappingNode:
		return b.mapping(n.Values, at, depth)
	case *ast.MappingValueNode:
		return b.mapping([]*ast.MappingValueNode{n}, at, depth)
	case *ast.SequenceNode:
		out := &node{kind: list, at: at}
		for _, item := range n.Values {
			out.items = append(out.items, b.build(item, depth+1))
		}
		return out
	case *ast.TagNode:
		b.problem(at, fmt.Sprintf("the YAML tag %q is not read", n.Start.Value), "remove it; to make a value a string, put it in quotes")
		return bad
	}
	return b.scalar(n, at)
}

func (b *treeBuilder) alias(n *ast.AliasNode, depth int) *node {
	name := n.Value.GetToken().Value
	target, ok := b.anchors[name]
	if !ok {
		b.problem(positionOf(n), fmt.Sprintf("the alias *%s has no anchor &%s before it", name, name), "")
		return &node{kind: broken, at: positionOf(n)}
	}
	return b.build(target, depth+1)
}

func (b *treeBuilder) scalar(n ast.Node, at position) *node {
	out, bad := &node{at: at}, &node{kind: broken, at: at}
	if tk := n.GetToken(); tk != nil {
		out.source = tk.Value
	}
	switch n := n.(type) {
	case *ast.NullNode:
		out.kind = nothing
	case *ast.BoolNode:
		out.kind, out.value = boolean, n.Value
	case *ast.IntegerNode:
		out.kind, out.value = integer, n.Value
	case *ast.FloatNode:
		out.kind, out.value = float, n.Value
	case *ast.StringNode:
		out.kind, out.value = text, n.Value
	case *ast.LiteralNode:
		out.kind, out.value = text, n.Value.Value
	case *ast.InfinityNode, *ast.NanNode:
		b.problem(at, fmt.Sprintf("%s is not a number that a definition can hold", out.source), "")
		return bad
	default:
		b.problem(at, "this is not a value", "")
		return bad
	}
	if s, ok := out.value.(string); ok {
		if out.source = s; !b.plain(s, at) {
			return bad
		}
	}
	return out
}

// plain refuses what no string of a definition can hold: NUL, which ends a
// string for the kernel, and bytes that are no character.
func (b *treeBuilder) plain(s string, at position) bool {
	if !utf8.ValidString(s) {
		b.problem(at, "the string has an escape that is no character", "")
		return false
	}
	for _, r := range s {
		if r == 0 {
			b.problem(at, "the string has a NUL character", "")
			return false
		}
	}
	return true
}

// mapping reads the keys, and after them the mappings that << merges in: a key
// that is there itself wins, then the mapping that is merged first.
func (b *treeBuilder) mapping(values []*ast.MappingValueNode, at position, depth int) *node {
	out := &node{kind: mapping, at: at}
	seen := map[string]position{}
	var merged []*node
	for _, value := range values {
		keyAt := positionOf(value.Key)
		if value.Key.IsMergeKey() {
			merged = append(merged, b.merge(value.Value, depth)...)
			continue
		}
		key, ok := value.Key.(*ast.StringNode)
		if !ok {
			b.problem(keyAt, fmt.Sprintf("the key %s is not a string", value.Key.GetToken().Value), "put it in quotes")
			continue
		}
		if first, again := seen[key.Value]; again {
			b.problem(keyAt, fmt.Sprintf("the key %q is here twice, first in line %d", key.Value, first.line), "remove one of them")
			continue
		}
		if seen[key.Value] = keyAt; !b.plain(key.Value, keyAt) {
			continue
		}
		out.entries = append(out.entries, entry{key.Value, keyAt, b.build(value.Value, depth+1)})
	}
	for _, from := range merged {
		for _, e := range from.entries {
			if _, there := seen[e.key]; !there {
				seen[e.key] = e.at
				out.entries = append(out.entries, e)
			}
		}
	}
	return out
}

// merge is the mappings that the value of a << key names.
func (b *treeBuilder) merge(n ast.Node, depth int) []*node {
	from := b.build(n, depth+1)
	candidates := []*node{from}
	if from.kind == list {
		candidates = from.items
	}
	for _, c := range candidates {
		if c.kind == broken {
			return nil
		}
		if c.kind != mapping {
			b.problem(positionOf(n), "<< merges "+c.kind.String(), "give it the alias of a mapping")
			return nil
		}
	}
	return candidates
}

// positionOf is where a node begins; a block mapping begins at its first key.
func positionOf(n ast.Node) position {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return positionOf(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return positionOf(m.Key)
	}
	return tokenPosition(n.GetToken())
}

func tokenPosition(tk *token.Token) position {
	if tk == nil || tk.Position == nil {
		return position{1, 1}
	}
	return position{max(tk.Position.Line, 1), max(tk.Position.Column, 1)}
}
