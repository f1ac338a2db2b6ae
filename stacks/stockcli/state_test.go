//go:build stockcli

package stockcli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
)

// qualified is a stack's name among all projects of a state store.
func qualified(stack string) string { return "organization/envctl/" + stack }

// deployment is what matters of an exported stack.
type deployment struct {
	Version    int `json:"version"`
	Deployment struct {
		SecretsProviders struct {
			Type string `json:"type"`
		} `json:"secrets_providers"`
		Resources []struct {
			URN     string         `json:"urn"`
			Type    string         `json:"type"`
			Outputs map[string]any `json:"outputs"`
		} `json:"resources"`
		PendingOperations []any `json:"pending_operations"`
	} `json:"deployment"`
}

func TestStockCLIReadsWhatEnvctlMade(t *testing.T) {
	t.Parallel()
	e := newExperiment(t)
	var up stacks.Result
	e.envctl.decode(t, &up, "up", "--file", e.file, "--output", "json")
	if up.Result != stacks.Created {
		t.Fatalf("up: %+v", up)
	}
	pulumi := stock(t, t.TempDir(), e.state)

	for _, scope := range [][]string{{"--all"}, {"--project", "envctl"}} {
		var listed []struct {
			Name          string `json:"name"`
			ResourceCount int    `json:"resourceCount"`
		}
		pulumi.decode(t, &listed, append([]string{"stack", "ls", "--json"}, scope...)...)
		if len(listed) != 1 || listed[0].Name != qualified(e.stack()) || listed[0].ResourceCount < 5 {
			t.Errorf("stack ls %v: %+v", scope, listed)
		}
	}

	token := readOutputs(t, pulumi, e, up)
	exported := pulumi.must(t, "stack", "export", "--stack", qualified(e.stack()))
	checkExport(t, exported, token)

	// What was exported can be imported again, and envctl goes on from it.
	file := filepath.Join(t.TempDir(), "stack.json")
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	pulumi.must(t, "stack", "import", "--stack", qualified(e.stack()), "--file", file)
	var again stacks.Result
	e.envctl.decode(t, &again, "up", "--file", e.file, "--output", "json")
	if again.Result != stacks.Unchanged || again.Outputs.Apps["api"].URL != up.Outputs.Apps["api"].URL {
		t.Errorf("up after import: %+v", again)
	}

	e.envctl.must(t, "down", "--file", e.file)
	if out := pulumi.must(t, "stack", "ls", "--all", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after down the CLI still lists %s", out)
	}
}

// readOutputs compares the CLI's outputs with envctl's and with the container,
// and returns the generated secret.
func readOutputs(t *testing.T, pulumi cli, e experiment, up stacks.Result) string {
	t.Helper()
	type outputs struct {
		Apps        map[string]stacks.AppOutput `json:"apps"`
		Environment string                      `json:"environment"`
		Generated   any                         `json:"generated"`
	}
	var hidden, shown outputs
	pulumi.decode(t, &hidden, "stack", "output", "--json", "--stack", qualified(e.stack()))
	if hidden.Generated != "[secret]" || hidden.Apps["api"] != up.Outputs.Apps["api"] || hidden.Environment != up.Outputs.Environment {
		t.Errorf("stack output: %+v, envctl said %+v", hidden, up.Outputs)
	}
	pulumi.decode(t, &shown, "stack", "output", "--json", "--show-secrets", "--stack", qualified(e.stack()))
	generated, _ := shown.Generated.(map[string]any)
	token, _ := generated["token"].(string)
	if len(token) != 24 {
		t.Fatalf("stack output --show-secrets: %+v", shown)
	}
	engine, err := docker.Connect(t.Context(), "", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Client().ContainerInspect(t.Context(), "envctl."+e.name+".default.api", client.ContainerInspectOptions{})
	if err != nil || !strings.Contains(strings.Join(c.Container.Config.Env, "\n"), "TOKEN="+token) {
		t.Errorf("the container has not the secret that the CLI shows: %v", err)
	}
	return token
}

func checkExport(t *testing.T, exported, token string) {
	t.Helper()
	if strings.Contains(exported, token) {
		t.Error("the exported state holds the generated secret in clear")
	}
	var d deployment
	if err := json.Unmarshal([]byte(exported), &d); err != nil {
		t.Fatal(err)
	}
	types := map[string]int{}
	for _, r := range d.Deployment.Resources {
		types[r.Type]++
	}
	if d.Deployment.SecretsProviders.Type != "passphrase" || len(d.Deployment.PendingOperations) != 0 {
		t.Errorf("exported: secrets provider %q, %d pending operations", d.Deployment.SecretsProviders.Type, len(d.Deployment.PendingOperations))
	}
	for typ, n := range map[string]int{
		"pulumi:pulumi:Stack": 1, "envctl:index:Experiment": 1, "docker:index/network:Network": 1,
		"docker:index/container:Container": 2, "random:index/randomPassword:RandomPassword": 1,
	} {
		if types[typ] != n {
			t.Errorf("exported: %d of %s, want %d (%v)", types[typ], typ, n, types)
		}
	}
}
