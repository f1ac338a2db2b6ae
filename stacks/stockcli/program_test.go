//go:build stockcli

package stockcli_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
)

// repository is a copy of what the CLI needs of the repository's root.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copyFile(t, filepath.Join(root, "Pulumi.yaml"), filepath.Join(dir, "Pulumi.yaml"), 0o644)
	copyFile(t, filepath.Join(root, "stacks/program/main.go"), filepath.Join(dir, "stacks/program/main.go"), 0o644)
	copyExample(t, filepath.Join(dir, "examples", "csv-insights"))
	return dir
}

// withProgram lets the CLI run the program: the language host is found by name
// in PATH, where Pulumi's installation puts its own.
func withProgram(t *testing.T, c *cli) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, languageHost)); err != nil {
		t.Fatal(err)
	}
	c.env["PATH"] = bin + string(os.PathListSeparator) + c.env["PATH"]
	c.env[programVariable] = must(t, program)
}

func TestStockCLIRunsTheProgram(t *testing.T) {
	t.Parallel()
	dir, state := repository(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(state, "pulumi"), 0o700); err != nil {
		t.Fatal(err)
	}
	pulumi := stock(t, dir, state)
	withProgram(t, &pulumi)
	instance := "stock-" + strings.ToLower(rand.Text()[:8])
	stack := "csv-insights." + instance + ".local"

	pulumi.must(t, "stack", "init", stack)
	pulumi.must(t, "config", "set", "file", "examples/csv-insights/envctl.yaml")
	t.Cleanup(func() {
		attach(t, &pulumi)
		if _, err := pulumi.run(context.WithoutCancel(t.Context()), "destroy", "--yes", "--skip-preview", "--stack", stack); err != nil {
			t.Error(err)
		}
		for kind, names := range objects(t, instance) {
			if len(names) > 0 {
				t.Errorf("destroy left the %s %v", kind, names)
			}
		}
	})

	attach(t, &pulumi)
	if got := changes(t, pulumi, "preview"); got["create"] < 5 || len(got) != 1 {
		t.Errorf("preview: %v", got)
	}
	if left := objects(t, instance); len(left["containers"])+len(left["networks"])+len(left["images"]) > 0 {
		t.Errorf("preview made %v", left)
	}
	attach(t, &pulumi)
	pulumi.must(t, "up", "--yes", "--skip-preview")
	var outputs stacks.Outputs
	pulumi.decode(t, &outputs, "stack", "output", "--json")
	answer(t, outputs.Apps["api"].URL)
	if outputs.Environment != "envctl.csv-insights."+instance || outputs.Jobs["analyze"].Image == "" {
		t.Errorf("outputs: %+v", outputs)
	}
	attach(t, &pulumi)
	pulumi.must(t, "preview", "--expect-no-changes")
	attach(t, &pulumi)
	pulumi.must(t, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
}

// A stack of envctl can be handed over: the program finds nothing to do, and the
// CLI takes everything down.
func TestStockCLITakesOverFromEnvctl(t *testing.T) {
	t.Parallel()
	e := newExperiment(t)
	e.envctl.must(t, "up", "--file", e.file, "--ttl", "0")
	dir := repository(t)
	pulumi := stock(t, dir, e.state)
	withProgram(t, &pulumi)
	pulumi.must(t, "stack", "select", e.stack())
	pulumi.must(t, "config", "set", "file", e.file)
	attach(t, &pulumi)
	pulumi.must(t, "preview", "--diff", "--expect-no-changes")
	attach(t, &pulumi)
	pulumi.must(t, "destroy", "--yes", "--skip-preview")
	if out := e.envctl.must(t, "status", "--file", e.file, "--output", "json"); !strings.Contains(out, "missing") {
		t.Errorf("after the CLI's destroy envctl says %s", out)
	}
	var up stacks.Result
	e.envctl.decode(t, &up, "up", "--file", e.file, "--ttl", "0", "--output", "json")
	answer(t, up.Outputs.Apps["api"].URL)
}

// A definition that belongs to another stack is refused before anything is made.
func TestStockCLIShowsTheProgramsErrors(t *testing.T) {
	t.Parallel()
	dir, state := repository(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(state, "pulumi"), 0o700); err != nil {
		t.Fatal(err)
	}
	pulumi := stock(t, dir, state)
	withProgram(t, &pulumi)
	for stack, want := range map[string]string{
		"other.default.local": `the stack "other.default.local" is of the experiment "other", and`,
		"nodots":              `stack name "nodots" is not EXPERIMENT.INSTANCE.TARGET`,
	} {
		pulumi.must(t, "stack", "init", stack)
		pulumi.must(t, "config", "set", "file", "examples/csv-insights/envctl.yaml")
		attach(t, &pulumi)
		if _, err := pulumi.run(t.Context(), "up", "--yes", "--skip-preview"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("up of %s: %v, want %q", stack, err, want)
		}
	}
}

// changes are the counts that a preview or an up ends with.
func changes(t *testing.T, c cli, args ...string) map[string]int {
	t.Helper()
	var summary struct {
		ChangeSummary map[string]int `json:"changeSummary"`
	}
	c.decode(t, &summary, append(args, "--json")...)
	return summary.ChangeSummary
}

func answer(t *testing.T, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s answers %s", request.URL, response.Status)
	}
}

// objects lists what carries the labels of an instance.
func objects(t *testing.T, instance string) map[string][]string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	engine, err := docker.Connect(ctx, "", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	by := client.Filters{}.Add("label", "dev.envctl.instance="+instance)
	out := map[string][]string{}
	containers, err := engine.Client().ContainerList(ctx, client.ContainerListOptions{All: true, Filters: by})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers.Items {
		out["containers"] = append(out["containers"], c.Names...)
	}
	networks, err := engine.Client().NetworkList(ctx, client.NetworkListOptions{Filters: by})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks.Items {
		out["networks"] = append(out["networks"], n.Name)
	}
	imgs, err := engine.Client().ImageList(ctx, client.ImageListOptions{All: true, Filters: by})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range imgs.Items {
		raw, _ := json.Marshal(i.RepoTags)
		out["images"] = append(out["images"], i.ID+string(raw))
	}
	return out
}
