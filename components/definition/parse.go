package definition

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parse turns the bytes of a file into the tree of its only document. It
// returns nil after a problem that leaves nothing to go on with.
func parse(data []byte, problem func(at position, message, hint string)) *node {
	if !readable(data, problem) {
		return nil
	}
	// A byte order mark, which some Windows editors write, is no part of the text.
	tokens := lexer.Tokenize(string(bytes.TrimPrefix(data, []byte("\ufeff"))))
	if !bounded(tokens, problem) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, message := position{1, 1}, err.Error()
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			at, message = tokenPosition(syntax.GetToken()), syntax.GetMessage()
		}
		problem(at, "this is not YAML: "+message, "")
		return nil
	}
	body := onlyDocument(file, problem)
	if body == nil {
		return nil
	}
	builder := &treeBuilder{anchors: map[string]ast.Node{}, problem: problem}
	return builder.build(body, 0)
}

// readable refuses what is no text at all before it is taken apart.
func readable(data []byte, problem func(position, string, string)) bool {
	const hint = "envctl init writes a definition to start from"
	nul := bytes.IndexByte(data, 0)
	switch {
	case len(data) > maxBytes:
		problem(position{}, fmt.Sprintf("the file is larger than %d bytes", maxBytes), "a definition is a few kilobytes: is this the right file?")
	case nul >= 0 || !utf8.Valid(data):
		problem(position{}, "the file is not UTF-8 text", "is this the right file?")
	case len(bytes.TrimSpace(data)) == 0:
		problem(position{}, "the file is empty", hint)
	default:
		return true
	}
	return false
}

// bounded refuses a document that would take the parser long or deep: it
// recurses by nesting, and its time grows with the square of the tokens.
func bounded(tokens token.Tokens, problem func(position, string, string)) bool {
	if len(tokens) > maxTokens {
		problem(tokenPosition(tokens[maxTokens]), fmt.Sprintf("the document has more than %d YAML tokens", maxTokens), "a definition has some hundreds: is this the right file?")
		return false
	}
	flow, line, openers := 0, 0, 0
	for _, tk := range tokens {
		if l := tokenPosition(tk).line; l != line && flow == 0 {
			line, openers = l, 0
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		// Outside brackets each of these nests one level deeper on its line;
		// inside, a run of them does.
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType, token.AnchorType, token.TagType, token.DirectiveType:
			openers++
		case token.CollectEntryType:
			openers = 0
		}
		if flow > maxDepth || flow < -maxDepth || openers > 2*maxDepth {
			problem(tokenPosition(tk), fmt.Sprintf("nested deeper than %d levels", maxDepth), "")
			return false
		}
	}
	return true
}

// onlyDocument is the body of the one document of a file.
func onlyDocument(file *ast.File, problem func(position, string, string)) ast.Node {
	var bodies []ast.Node
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.DirectiveNode, *ast.CommentGroupNode, *ast.CommentNode:
		default:
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		problem(position{}, "the file has no definition, only comments or document markers", "envctl init writes one to start from")
		return nil
	case 1:
		return bodies[0]
	}
	problem(positionOf(bodies[1]), fmt.Sprintf("the file has %d YAML documents; a definition is one", len(bodies)), "put each definition in a file of its own")
	return nil
}
