package containment_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/containment"
)

// Every known escape has a row or a place where it is tested, and every name of a row
// is one.
func TestEveryKnownEscapeHasItsRow(t *testing.T) {
	t.Parallel()
	const all = 62
	known := containment.Known()
	if len(known) != all {
		t.Errorf("%d are known, want %d", len(known), all)
	}
	for i, e := range known {
		if e.Number != i+1 || e.Source == "" || e.What == "" {
			t.Errorf("entry %d: %+v", i+1, e)
		}
		if len(e.Rows) == 0 && e.Elsewhere == "" {
			t.Errorf("%d, %s: neither a row nor a place", e.Number, e.Source)
		}
		if len(e.Rows) == 0 && len(e.Tests) == 0 {
			t.Errorf("%d, %s: neither a row nor a test proves it", e.Number, e.Source)
		}
		for _, name := range e.Tests {
			folder, function, _ := strings.Cut(name, ".")
			if !slices.Contains(testsOf(t, folder), function) {
				t.Errorf("%d, %s: there is no test %s in %s", e.Number, e.Source, function, folder)
			}
		}
		for _, name := range e.Rows {
			if !slices.ContainsFunc(containment.Rows(), func(r containment.Row) bool { return r.Name == name }) {
				t.Errorf("%d, %s: there is no row %q", e.Number, e.Source, name)
			}
		}
	}
}

// testsOf returns the names of the tests and fuzz targets in a folder of the module.
func testsOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

func TestRowsAreWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range containment.Rows() {
		if seen[r.Name] || r.Name == "" || r.Group == "" || r.Tries == "" {
			t.Errorf("%+v", r)
		}
		seen[r.Name] = true
	}
}
