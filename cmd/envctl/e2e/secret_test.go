package e2e

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

const withSecrets = `
name: @NAME@
secrets:
  given: {env: GIVEN}
  read: {file: .given}
  made: {generate: 32}
apps:
  api:
    build: {context: app}
    cpu: 0.25
    memory: 512Mi
    secrets: {GIVEN: given, READ: read, MADE: made}
    ingress: {port: 8080, public: true}
    health: {path: /healthz, interval: 1s, retries: 1, grace: 3s}
jobs:
  tell:
    build: {context: app}
    args: [env, HOME]
    cpu: 0.25
    memory: 512Mi
    secrets: {GIVEN: given, READ: read, MADE: made}
`

// TestSecretsAreNowhere looks for the values of secrets in all that envctl writes
// and says, on the engine too: an app's own variables are the only place.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	const given, read = "canary-of-the-environment", "canary-of-a-file"
	x := newExperiment(t, withSecrets)
	if err := os.WriteFile(filepath.Join(x.dir, ".given"), []byte(read+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.env = []string{"GIVEN=" + given}
	said := []call{
		x.must(0, "preview"), x.must(0, "up", "-v", "-o", "ndjson"), x.must(0, "status", "-o", "json"),
		x.must(0, "outputs", "-o", "json"), x.must(0, "list", "-o", "json"), x.must(0, "run", "tell", "-o", "ndjson"),
	}
	env := x.must(0, "exec", "api", "--", "/app", "env", "MADE").stdout
	made := strings.TrimSpace(env)
	if len(made) != 32 {
		t.Fatalf("MADE=%q", made)
	}
	for name, want := range map[string]string{"GIVEN": given, "READ": read} {
		if got := strings.TrimSpace(x.must(0, "exec", "api", "--", "/app", "env", name).stdout); got != want {
			t.Errorf("%s=%q", name, got)
		}
	}
	canaries := []string{given, read, made}
	nowhere(t, "the engine", inspected(t, x), canaries)

	// An app that prints its secrets and fails: the end of its log is told.
	x.define(strings.ReplaceAll(withSecrets, "GIVEN: given, READ", "SICK: given, READ"))
	said = append(said, x.must(0, "preview", "-o", "json"))
	sick := x.must(1, "up", "-v", "-o", "ndjson")
	has(t, sick.stdout, "no database at db.example: [secret]")
	said = append(said, sick, x.must(0, "status"), x.must(1, "up"))
	for _, c := range said {
		nowhere(t, strings.Join(c.args, " "), c.stdout+c.stderr, canaries)
	}
	err := filepath.WalkDir(x.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == ".given" {
			return err
		}
		text, err := os.ReadFile(path)
		nowhere(t, path, string(text), canaries)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	x.must(0, "down")
	x.gone()
}

// nowhere fails the test where text holds a canary, plain or in base 64.
func nowhere(t *testing.T, where, text string, canaries []string) {
	t.Helper()
	for _, canary := range canaries {
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))} {
			if at := strings.Index(text, form); at >= 0 {
				t.Errorf("%q is in %s: …%s…", form, where, text[max(0, at-200):at])
			}
		}
	}
}

// inspected is all that the engine says of the experiment, but for the variables
// of its containers.
func inspected(t *testing.T, x *experiment) string {
	t.Helper()
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	api, filters := x.engine.Client(), make(client.Filters).Add("label", "dev.envctl.experiment="+x.name)
	containers, err := api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: filters})
	if err != nil || len(containers.Items) != 2 {
		t.Fatalf("%d containers, %v", len(containers.Items), err)
	}
	for _, c := range containers.Items {
		found, err := api.ContainerInspect(t.Context(), c.ID, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		found.Container.Config.Env = nil
		_ = encoder.Encode(found.Container)
	}
	images, err := api.ImageList(t.Context(), client.ImageListOptions{Filters: filters})
	if err != nil || len(images.Items) == 0 {
		t.Fatalf("%d images, %v", len(images.Items), err)
	}
	for _, i := range images.Items {
		found, err := api.ImageInspect(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		history, err := api.ImageHistory(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		_ = encoder.Encode([]any{found.InspectResponse, history.Items})
	}
	return out.String()
}
