package cli

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// What builds clients must be in wire.go, system.go and the probes alone, so that
// `version` and `check` cannot come to need an engine; and the flag library must
// not reach what prints and what examines.
func TestImports(t *testing.T) {
	t.Parallel()
	const own = "github.com/envctl/envctl/"
	for _, rule := range []struct {
		forbidden string   // a package, or a folder of packages
		in        string   // files
		except    []string // files that may
	}{
		{own + "stacks/engine", "*.go", []string{"wire.go", "azure.go", "probes_state.go"}},
		{own + "stacks/state", "*.go", []string{"wire.go", "wireboxes.go", "wiremodels.go", "azure.go", "probes_state.go"}},
		{own + "stacks/lifecycle", "*.go", []string{
			"wire.go", "azure.go", "azurekeeper.go", "azurepromote.go", "azureworkloads.go", "localkeeper.go", "localviews.go", "localworkloads.go",
		}},
		{own + "components/docker", "*.go", []string{"wire.go"}},
		{"github.com/pulumi", "*.go", []string{"wire.go"}},
		{"github.com/moby/moby/client", "*.go", []string{"probes.go"}},
		{"github.com/spf13", "../output/*.go", nil},
		{"github.com/spf13", "../doctor/*.go", nil},
		{own + "local", "../output/*.go", nil},
		{own + "components", "../output/*.go", nil},
		{own + "local", "../doctor/*.go", nil},
		{own + "stacks", "../doctor/*.go", nil},
	} {
		files, err := filepath.Glob(rule.in)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", rule.in, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				path := strings.Trim(i.Path.Value, `"`)
				allowed := false
				for _, e := range rule.except {
					allowed = allowed || filepath.Base(name) == e
				}
				if (path == rule.forbidden || strings.HasPrefix(path, rule.forbidden+"/")) && !allowed {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
}
