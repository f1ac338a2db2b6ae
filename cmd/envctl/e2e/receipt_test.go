package e2e

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/armsim"
)

const promotedDefinition = `name: @NAME@
apps:
  api:
    build: {context: app}
    ingress: {port: 8080}
    health: {path: /healthz}
targets:
  azure: {location: swedencentral}
`

// promoted is what promote -o json tells.
type promoted struct {
	Command     string
	Differences []string
	Referrers   []string
	Warnings    []string
}

// A receipt that the registry refuses is kept as owed, told of, and left beside its
// image by the next status, or by the next promote with its own.
func TestAReceiptThatTheRegistryRefuses(t *testing.T) {
	t.Parallel()
	x := newExperiment(t, promotedDefinition)
	x.must(0, "up")
	simulator, err := armsim.New(armsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	if _, err := simulator.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for key, value := range simulator.Env() {
		x.env = append(x.env, key+"="+value)
	}
	first := x.promote()
	if told := strings.Join(first.Differences, "\n"); strings.Contains(told, "image.") || !strings.Contains(told, "targets.azure.location: none → swedencentral") {
		t.Errorf("the differences are told as\n%s", told)
	}
	if len(first.Referrers) != 1 || len(first.Warnings) > 0 || x.owed() != 0 {
		t.Fatalf("%+v, owed %d", first, x.owed())
	}
	for _, by := range []string{"status", "promote"} {
		// The image is there already, so what a promote pushes is its receipt.
		simulator.AddFault(armsim.Fault{Op: "push", Times: 1, Status: http.StatusForbidden, Code: "DENIED", Message: "no more room for this registry"})
		refused := x.promote()
		if len(refused.Referrers) != 0 || x.owed() != 1 {
			t.Fatalf("%+v, owed %d", refused, x.owed())
		}
		has(t, strings.Join(refused.Warnings, "\n"), "could not be left in the registry", "no more room", "envctl status -t azure")
		switch by {
		case "status":
			if again := x.must(0, "status", "-t", "azure", "-o", "json").result(t); len(again.Warnings) > 0 {
				t.Errorf("status: %q", again.Warnings)
			}
		case "promote":
			if both := x.promote(); len(both.Referrers) != 2 || len(both.Warnings) > 0 {
				t.Errorf("the next promote left %q; %q", both.Referrers, both.Warnings)
			}
		}
		if n := x.owed(); n != 0 {
			t.Errorf("%d are owed after %s", n, by)
		}
	}
	x.must(0, "down", "-t", "azure", "--yes")
	x.must(0, "down")
}

func (x *experiment) promote() promoted {
	x.t.Helper()
	c := x.must(0, "promote", "--to", "azure", "--yes", "-o", "json")
	var p promoted
	if err := json.Unmarshal([]byte(c.stdout), &p); err != nil {
		x.t.Fatalf("%v in %q", err, c.stdout)
	}
	if p.Command != "promote" {
		x.t.Errorf("the command is %q", p.Command)
	}
	return p
}

// owed is how many receipts wait in the state folder for their registry.
func (x *experiment) owed() int {
	x.t.Helper()
	var out []string
	for _, below := range []string{"*", "*/*", "*/*/*"} {
		found, err := filepath.Glob(filepath.Join(x.state, below+".json.due"))
		if err != nil {
			x.t.Fatal(err)
		}
		out = append(out, found...)
	}
	return len(out)
}
