package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// node is one model or value; package keytrees reads the same form.
type node struct {
	Kind     string           `json:"k"`           // object, array, map, string, int, number, bool, any or ref
	Keys     map[string]*node `json:"c,omitempty"` // of an object
	Required []string         `json:"r,omitempty"` // of an object
	Item     *node            `json:"i,omitempty"` // of an array or map
	Enum     []string         `json:"e,omitempty"` // of a string
	Ref      string           `json:"d,omitempty"` // name of a definition
}

// models of one package: its structs and the values of its constants.
type pkgModels struct {
	structs map[string]*ast.StructType
	enums   map[string][]string
}

func load(dir string) (*pkgModels, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	p := &pkgModels{structs: map[string]*ast.StructType{}, enums: map[string][]string{}}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, "model_") && name != "constants.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, 0)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok {
				p.add(gen)
			}
		}
	}
	return p, nil
}

func (p *pkgModels) add(gen *ast.GenDecl) {
	for _, spec := range gen.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if s, ok := spec.Type.(*ast.StructType); ok {
				p.structs[spec.Name.Name] = s
			}
		case *ast.ValueSpec:
			typ, ok := spec.Type.(*ast.Ident)
			if !ok || gen.Tok != token.CONST {
				continue
			}
			for _, value := range spec.Values {
				if lit, ok := value.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, _ := strconv.Unquote(lit.Value)
					p.enums[typ.Name] = append(p.enums[typ.Name], text)
				}
			}
		}
	}
}

// cut are models that no body of ours reaches and that would make a tree large.
var cut = map[string]bool{
	"NetworkInterface": true, "PrivateEndpoint": true, "PrivateLinkService": true, "VirtualNetworkTap": true,
	"PublicIPPrefix": true, "LoadBalancerPropertiesFormat": true, "ApplicationGatewayIPConfiguration": true,
	"IPConfigurationProfile": true, "FlowLog": true, "ErrorDetail": true, "IPConfiguration": true, "DdosSettings": false,
}

func (p *pkgModels) collect(name string, defs map[string]*node) {
	if defs[name] != nil {
		return
	}
	if cut[name] {
		defs[name] = &node{Kind: "any"}
		return
	}
	model, ok := p.structs[name]
	if !ok {
		return
	}
	out := &node{Kind: "object", Keys: map[string]*node{}}
	defs[name] = out
	for _, field := range model.Fields.List {
		if field.Tag == nil {
			continue
		}
		raw, _ := strconv.Unquote(field.Tag.Value)
		key, options, _ := strings.Cut(reflect.StructTag(raw).Get("json"), ",")
		if key == "" || key == "-" {
			continue
		}
		out.Keys[key] = p.node(field.Type, defs)
		if !strings.Contains(options, "omitempty") {
			out.Required = append(out.Required, key)
		}
	}
}

func (p *pkgModels) node(expr ast.Expr, defs map[string]*node) *node {
	switch expr := expr.(type) {
	case *ast.StarExpr:
		return p.node(expr.X, defs)
	case *ast.ArrayType:
		return &node{Kind: "array", Item: p.node(expr.Elt, defs)}
	case *ast.MapType:
		return &node{Kind: "map", Item: p.node(expr.Value, defs)}
	case *ast.InterfaceType:
		return &node{Kind: "any"}
	case *ast.SelectorExpr:
		return foreign(expr)
	case *ast.Ident:
		return p.named(expr.Name, defs)
	}
	panic(fmt.Sprintf("a model of the form %T is new", expr))
}

func (p *pkgModels) named(name string, defs map[string]*node) *node {
	switch name {
	case "string":
		return &node{Kind: "string"}
	case "int64", "int":
		return &node{Kind: "int"}
	case "float64":
		return &node{Kind: "number"}
	case "bool":
		return &node{Kind: "bool"}
	}
	if p.structs[name] != nil {
		p.collect(name, defs)
		return &node{Kind: "ref", Ref: name}
	}
	if values := p.enums[name]; values != nil {
		return &node{Kind: "string", Enum: values}
	}
	return &node{Kind: "any"} // an interface with several forms
}

// foreign are the models of go-azure-helpers, written out.
func foreign(expr *ast.SelectorExpr) *node {
	text := &node{Kind: "string"}
	switch pkg := expr.X.(*ast.Ident).Name; pkg {
	case "identity":
		identity := &node{Kind: "object", Keys: map[string]*node{
			"clientId": text, "principalId": text,
		}}
		return &node{Kind: "object", Required: []string{"type"}, Keys: map[string]*node{
			"type":        {Kind: "string", Enum: []string{"None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned", "SystemAssigned, UserAssigned"}},
			"principalId": text, "tenantId": text,
			"userAssignedIdentities": {Kind: "map", Item: identity},
		}}
	case "zones":
		return &node{Kind: "array", Item: text}
	case "edgezones":
		return &node{Kind: "object", Keys: map[string]*node{"name": text, "type": text}}
	default:
		return &node{Kind: "any"}
	}
}
