package engine_test

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// Pulumi compiles its schemas as its packages initialise; stacks/internal/jsonschema has
// that wait until one is used.
func TestSchemasAreNotCompiledAtStart(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	must(t, err)
	for _, name := range []string{"pkg/v3/codegen/schema", "pkg/v3/resource/stack", "sdk/v3/go/common/workspace"} {
		line := regexp.MustCompile(`(?m)^init github\.com/pulumi/pulumi/` + name + ` @.* (\d+) bytes`).FindSubmatch(out)
		if line == nil {
			t.Errorf("%s is not among the packages that initialise", name)
			continue
		}
		// Each took 1.3 to 3.5 MB with a compiled schema, and 0.2 MB at most without.
		if n, err := strconv.Atoi(string(line[1])); err != nil || n > 1<<20 {
			t.Errorf("%s: %s", name, line[0])
		}
	}
}

// What is compiled late judges all the same.
func TestSchemasJudge(t *testing.T) {
	t.Parallel()
	resource := `{"urn": "urn:pulumi:s::p::t::n", "custom": false, "type": "t", "inputs": {"a": 1}}`
	for name, row := range map[string]struct {
		validate func() error
		want     string // a part of the error; empty: none
	}{
		"deployment":           {deployment(`{"manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""}, "resources": [` + resource + `]}`), ""},
		"no deployment":        {deployment(`{"resources": "none"}`), "oneOf"},
		"resource without URN": {deployment(`{"manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""}, "resources": [{"custom": false}]}`), "oneOf"},
		"project":              {func() error { return workspace.ProjectSchema.Validate(map[string]any{"name": "p", "runtime": "go"}) }, ""},
		"project of nothing":   {func() error { return workspace.ProjectSchema.Validate(map[string]any{"name": "p", "runtime": true}) }, "runtime"},
		"package":              {func() error { return schema.MetaSchema.Validate(map[string]any{"name": "p"}) }, ""},
		"package without name": {func() error { return schema.MetaSchema.Validate(map[string]any{"version": "1.0.0"}) }, "name"},
	} {
		err := row.validate()
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func deployment(text string) func() error {
	return func() error {
		return stack.ValidateUntypedDeployment(&apitype.UntypedDeployment{Version: 3, Deployment: []byte(text)})
	}
}
