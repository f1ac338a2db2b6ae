package main_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/envctl/envctl/"

// mayImport is the layering of the project: what each package may import of it.
// Imports point one way, from the command line down to plain data. A package
// that is not listed has no business being there; add it with its sentence in
// docs/contributing.
var mayImport = map[string][]string{
	"components/lazyregexp":      {},
	"components/definition":      {"components/lazyregexp"},
	"components/plan":            {"components/definition"},
	"components":                 {"components/plan"},
	"components/random":          {},
	"components/values":          {},
	"components/docker/provider": {"components/lazyregexp", "components/values", "local/docker/killed"},
	"components/docker": {
		"components", "components/definition", "components/plan", "local/gateway", "local/gateway/protocol", "local/sandbox",
	},

	"components/parity": {"components/definition"},
	"components/azure": {
		"components", "components/azure/names", "components/azure/native", "components/azure/steward/duty",
		"components/definition", "components/plan",
	},
	"components/azure/acr":        {"components/azure/arm"},
	"components/azure/arm":        {"components/azure/arm/record", "components/azure/arm/redact"},
	"components/azure/arm/record": {"components/azure/arm/redact"},
	"components/azure/arm/redact": {},
	"components/azure/arm/replay": {"components/azure/arm/record", "components/azure/arm/redact"},
	"components/azure/armsim": {
		"components/azure/armsim/acr", "components/azure/armsim/certs", "components/azure/armsim/entra",
		"components/azure/armsim/fault", "components/azure/armsim/files", "components/azure/armsim/platform", "components/azure/armsim/replay",
		"components/azure/armsim/rm", "components/azure/armsim/rp", "components/azure/armsim/run",
		"components/azure/armsim/store", "local/registry",
	},
	"components/azure/armsim/acr": {
		"components/azure/armsim/entra", "components/azure/armsim/fault", "components/azure/armsim/store",
		"local/registry",
	},
	"components/azure/armsim/answer":   {},
	"components/azure/armsim/certs":    {},
	"components/azure/armsim/entra":    {},
	"components/azure/armsim/fault":    {},
	"components/azure/armsim/files":    {"components/azure/armsim/fault", "components/azure/armsim/sas"},
	"components/azure/armsim/sas":      {},
	"components/azure/armsim/keytrees": {},
	"components/azure/armsim/models":   {},
	"components/azure/armsim/platform": {
		"components/azure/armsim/entra", "components/azure/armsim/fault", "components/azure/armsim/rm",
		"components/azure/armsim/rp", "components/azure/armsim/run", "components/azure/armsim/store",
	},
	"components/azure/armsim/replay": {"components/azure/arm/record", "components/azure/arm/replay"},
	"components/azure/armsim/rm": {
		"components/azure/armsim/answer", "components/azure/armsim/entra", "components/azure/armsim/fault",
		"components/azure/armsim/keytrees", "components/azure/armsim/models", "components/azure/armsim/route",
		"components/azure/armsim/rp", "components/azure/armsim/run", "components/azure/armsim/store",
	},
	"components/azure/armsim/route": {},
	"components/azure/armsim/rp": {
		"components/azure/armsim/answer", "components/azure/armsim/models", "components/azure/armsim/route",
		"components/azure/armsim/run", "components/azure/armsim/sas", "components/azure/armsim/store",
	},
	"components/azure/armsim/bridge": {"local/daemon"},
	"components/azure/armsim/run":    {},
	"components/azure/armsim/runner": {
		"components/azure/armsim/run", "components/azure/armsim/runner/archive", "components/plan", "local/docker",
		"local/docker/untar", "local/flock", "local/gateway", "local/gateway/install", "local/gateway/protocol",
		"local/registry", "local/sandbox",
	},
	"components/azure/armsim/runner/archive": {"local/registry"},
	"components/azure/armsim/store":          {"local/flock"},
	"components/azure/copy":                  {"components/azure/acr", "components/azure/arm", "components/azure/native", "stacks/images"},
	"components/azure/names":                 {},
	"components/azure/native":                {},
	"components/azure/provider":              {"components/azure/arm", "components/values"},
	"components/azure/steward":               {"carry/image", "components/azure/steward/binary"},
	"components/azure/steward/binary":        {"carry"},
	"components/azure/steward/cmd/steward":   {"components/azure/steward/duty"},
	"components/azure/steward/duty":          {},

	"components/targettest":      {},
	"components/targettest/echo": {},

	"policies": {"components/definition", "components/plan"},

	"carry":           {},
	"carry/carrytest": {"carry", "carry/compile"},
	"carry/compile":   {},
	"carry/generate":  {"carry", "carry/compile", "carry/image"},
	"carry/image":     {},

	"local/flock":             {},
	"local/daemon":            {"local/flock", "local/owner"},
	"local/sandbox":           {"components/plan", "local/isolation"},
	"local/docker/untar":      {},
	"local/docker/source":     {},
	"local/docker/killed":     {},
	"local/docker":            {"components/lazyregexp", "local/docker/killed", "local/docker/source", "local/docker/untar"},
	"local/docker/debiantest": {"local/docker", "local/docker/dockertest"},
	"local/docker/dockertest": {"local/docker"},
	"local/owner":             {},
	"local/oneshot":           {"local/docker/untar", "local/isolation", "local/oneshot/language", "local/oneshot/packages"},
	"local/oneshot/language":  {},
	"local/oneshot/packages":  {"components/lazyregexp"},
	"local/oneshot/dockerrun": {
		"components/plan", "local/docker", "local/docker/untar", "local/gateway", "local/gateway/install", "local/gateway/protocol",
		"local/isolation", "local/oneshot", "local/owner", "local/sandbox",
	},
	"local/gateway/protocol":  {},
	"local/gateway/allow":     {},
	"local/gateway/authority": {},
	"local/gateway/token":     {},
	"local/gateway/serve": {
		"local/gateway/allow", "local/gateway/authority", "local/gateway/protocol", "local/gateway/token",
	},
	"local/gateway/cmd/gateway": {"local/gateway/serve"},
	"local/gateway/binary":      {"carry"},
	"local/gateway/install":     {"local/docker", "local/gateway"},
	"local/gateway": {
		"carry/image", "components/definition", "components/plan", "local/gateway/binary", "local/gateway/protocol",
	},
	"local/models": {
		"components/definition", "local/flock", "local/gateway/protocol", "local/models/ledger", "local/models/price",
	},
	"local/models/ledger": {"local/flock"},
	"local/models/service": {
		"components/definition", "local/daemon", "local/docker", "local/gateway", "local/models", "local/models/ledger",
		"local/models/price",
	},
	"local/models/price": {"components/definition", "local/models/ledger"},
	"local/registry":     {"components/lazyregexp", "local/daemon", "local/flock"},
	"local/box/frame":    {},
	"local/box/hold":     {"local/box/frame", "local/box/ports"},
	"local/box/ports":    {},
	"local/box/cmd/hold": {"local/box/hold"},
	"local/box/binary":   {"carry"},
	"local/box": {
		"components/plan", "local/box/binary", "local/box/frame", "local/box/hold", "local/box/ports", "local/docker",
		"local/docker/untar", "local/sandbox",
	},
	"local/box/models": {
		"components/plan", "local/box", "local/gateway", "local/gateway/protocol", "local/gateway/serve", "local/models/ledger",
	},
	"local/registry/archive": {"local/registry"},
	"local": {
		"components", "components/definition", "components/docker", "components/docker/provider", "components/plan",
		"local/docker", "local/gateway", "local/gateway/install", "local/gateway/protocol", "local/isolation", "local/registry",
		"local/registry/archive", "local/models/price", "local/owner", "local/sandbox", "stacks", "stacks/images",
	},

	"local/isolation":               {},
	"local/isolation/runsc":         {},
	"local/isolation/isolationtest": {"local/docker", "local/isolation"},
	"local/isolation/cmd/isolate":   {"local/docker", "local/isolation/runsc"},
	"local/containment/attempt":     {},
	"local/containment/binary":      {"carry"},
	"local/containment/cmd/probe":   {"local/containment/attempt"},
	"local/containment": {
		"components/plan", "local/containment/attempt", "local/containment/binary", "local/docker", "local/docker/untar",
		"local/gateway", "local/gateway/install", "local/gateway/protocol", "local/isolation", "local/owner", "local/sandbox",
	},

	"stacks/internal/atomicfile": {},
	"stacks/internal/folder":     {},
	"stacks":                     {"components", "components/definition", "components/plan"},
	"stacks/engine":              {"stacks", "stacks/internal/folder"},
	"stacks/images": {
		"components/definition", "components/plan", "local/docker", "local/flock", "local/registry", "stacks/internal/atomicfile",
	},
	"stacks/state":     {"components/plan", "local/flock", "local/owner", "stacks", "stacks/internal/atomicfile"},
	"stacks/expiry":    {"components/definition", "stacks", "stacks/state"},
	"stacks/lifecycle": {"components", "components/definition", "components/plan", "stacks", "stacks/expiry", "stacks/state"},
	"stacks/program": {
		"components", "components/definition", "components/plan", "local", "local/docker", "stacks", "stacks/lifecycle",
	},

	"stacks/azure": {
		"components", "components/azure", "components/azure/arm", "components/azure/names", "components/definition",
		"components/plan", "local/docker", "local/docker/untar", "local/registry", "stacks", "stacks/azure/ask", "stacks/azure/console",
		"stacks/azure/preflight", "stacks/azure/share", "stacks/azure/words", "stacks/images",
	},
	"stacks/azure/ask":         {},
	"stacks/azure/ask/asktest": {"components/azure/arm", "stacks/azure/ask"},
	"stacks/azure/console":     {"stacks/azure/ask", "stacks/azure/words"},
	"stacks/azure/preflight":   {"components/azure/arm", "components/azure/names", "components/plan", "stacks/azure/ask"},
	"stacks/azure/share":       {"components/azure/arm", "local/docker/untar"},
	"stacks/azure/words":       {"components/azure/arm"},
	"stacks/promote":           {"components/definition", "components/plan", "stacks", "stacks/internal/atomicfile", "stacks/state"},

	"docs": {}, // its tests only

	"bench":         {"components/azure/armsim", "components/azure/armsim/fault", "components/plan", "local/gateway/protocol", "local/isolation", "local/oneshot", "local/sandbox"},
	"bench/emptyup": {"stacks", "stacks/engine"},
	"bench/pause":   {},
	"bench/proxy":   {},

	"cmd/envctl/internal/output": {"components/definition", "stacks"},
	"cmd/envctl/internal/doctor": {"cmd/envctl/internal/output"},
	"cmd/envctl/internal/mcpserver": {
		"cmd/envctl/internal/output", "local/box", "local/box/models", "local/docker/untar", "local/models/price",
		"local/oneshot/language",
	},
	"cmd/envctl/internal/starter": {"components/definition"},
	"cmd/envctl/internal/cloud": {
		"components/azure", "components/azure/acr", "components/azure/arm", "components/azure/armsim",
		"components/azure/armsim/bridge", "components/azure/armsim/runner", "components/azure/copy", "components/azure/names",
		"components/azure/provider", "components/azure/steward", "components/azure/steward/duty", "components/definition",
		"components/plan", "local/docker", "local/registry", "stacks", "stacks/azure", "stacks/images",
	},
	"cmd/envctl/internal/cli":     {"*"},
	"cmd/envctl/e2e":              {}, // whole-program tests
	"cmd/envctl/faults":           {}, // whole-program tests
	"cmd/envctl/stores":           {},
	"cmd/envctl/programtest":      {},
	"cmd/envctl/internal/startup": {},
	"cmd/envctl":                  {"cmd/envctl/internal/cli", "cmd/envctl/internal/startup"},
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for pkg, imports := range projectImports(t) {
		if strings.HasPrefix(pkg, "examples/") {
			continue // programs of users
		}
		allowed, ok := mayImport[pkg]
		if !ok {
			t.Errorf("%s is not in the table of this test", pkg)
		}
		for _, path := range imports {
			if !slices.Contains(allowed, path) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s", pkg, path)
			}
		}
	}
}

// TestOnlyTheEngineImportsPulumisEngine holds that one package depends on
// pulumi/pkg, which promises no stable API.
func TestOnlyTheEngineImportsPulumisEngine(t *testing.T) {
	t.Parallel()
	for pkg, imports := range allImports(t) {
		for _, path := range imports {
			if strings.HasPrefix(path, "github.com/pulumi/pulumi/pkg/") && pkg != "stacks/engine" {
				t.Errorf("%s imports %s", pkg, path)
			}
		}
	}
}

// projectImports are the imports inside the project, by package.
func projectImports(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for pkg, imports := range allImports(t) {
		out[pkg] = nil
		for _, path := range imports {
			if own, ok := strings.CutPrefix(path, module); ok {
				out[pkg] = append(out[pkg], own)
			}
		}
	}
	return out
}

func allImports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...")
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], module)
		out[pkg] = words[1:]
	}
	return out
}
