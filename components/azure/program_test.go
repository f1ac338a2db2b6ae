package azure_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/azure"
)

var update = flag.Bool("update", false, "write the golden files")

const full = `
name: exp
ttl: 8h
budget: {amount: 50, currency: EUR, alerts: [100, 50, 80], contacts: [b@example.com, a@example.com], onExceeded: stop}
apps:
  api:
    image: x
    args: [serve]
    env: {LOG_LEVEL: info}
    secrets: {DB_PASSWORD: db, PGPASSWORD: db, KEY: key}
    cpu: 0.25
    ingress: {port: 8080, public: true}
    health: {path: /healthz, grace: 60s}
    scale: {min: 0, max: 3, concurrency: 20}
    models: [embed, chat]
    needs: [my-store]
    scratch: 512Mi
  my-store: {image: x, command: [store], ingress: {port: 5432}, scale: {min: 1, max: 2}}
  worker: {image: x}
jobs:
  analyze: {image: x, schedule: "0 6 * * *", timeout: 10m, retries: 1, outputs: /out, needs: [api], models: [chat]}
  once: {image: x}
models:
  chat: {model: gpt-4o-mini, version: "2024-07-18", capacity: 20}
  embed: {model: text-embedding-3-small, sku: Standard}
  zeta: {model: gpt-4o}
secrets: {db: {env: A}, key: {env: B}}
`

func ground() *azure.Ground {
	const id = "/subscriptions/" + subscription + "/resourceGroups/envctl-team-default/providers/"
	return &azure.Ground{
		ResourceGroup: "envctl-team-default",
		RegistryID:    id + "Microsoft.ContainerRegistry/registries/team", LoginServer: "team.azurecr.io",
		Environment: "team-default", EnvironmentID: id + "Microsoft.App/managedEnvironments/team-default",
		AccountID: id + "Microsoft.CognitiveServices/accounts/team", Endpoint: "https://team.cognitiveservices.azure.com/",
		Models: map[string]azure.SharedModel{"chat": {Deployment: "chat", Model: "gpt-4o"}, "c": {Deployment: "m.c", Model: "gpt-4o"}},
	}
}

func scenarios() map[string]scenario {
	return map[string]scenario{
		"full":  {yaml: full},
		"plain": {yaml: "name: exp\napps: {web: {image: x, ingress: {port: 80, public: true}}}", noSteward: true},
		"firewall": {noSteward: true, yaml: `
name: exp
targets: {azure: {egress: firewall}}
apps: {web: {image: x, egress: ["api.github.com", "*.pypi.org", "db.example.com:8443", "old.example.com:80"]}}`},
		"on-platform": {ground: ground(), yaml: `
name: exp
platform: team
ttl: 1h
apps:
  web: {image: x, models: [c], needs: [store], ingress: {port: 80, public: true}}
  store: {image: x, ingress: {port: 81}}
jobs: {report: {image: x, outputs: /results}}`},
		"platform": {noSteward: true, yaml: `
kind: Platform
name: exp
registry: {sku: Premium}
environment: {logRetention: 90, network: 10.30.0.0/20, zoneRedundant: true}
budget: {amount: 1000}
models: {chat: {model: gpt-4o-mini}}`},
	}
}

// The whole of what each program registers, to be read by people.
func TestPrograms(t *testing.T) {
	t.Parallel()
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _, err := s.run(t)
			if err != nil {
				t.Fatal(err)
			}
			file, got := filepath.Join("testdata", name+".golden"), text(m)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("another program than in %s (go test -update writes it):\n%s", file, diff)
			}
		})
	}
}
