//go:build stockcli

// Package stockcli_test proves that stacks of envctl are ordinary Pulumi stacks:
// the stock pulumi CLI reads, exports and imports what envctl made, and makes
// the same of the same definition with the program that Pulumi.yaml names.
//
// It runs with the build tag stockcli and needs a Docker Engine. The CLI is
// built from the module that bench/stock pins, or named by ENVCTL_STOCK_PULUMI;
// nothing of it uses the network.
package stockcli_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	languageHost  = "pulumi-language-go"
	pulumiVersion = "v3.259.0" // of bench/stock/go.mod, built into the CLI
)

// TestMain makes this program the language host too, under its name: the CLI
// starts it as it would start Pulumi's own.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == languageHost {
		if err := serveLanguage(os.Args[len(os.Args)-1]); err != nil {
			fmt.Fprintln(os.Stderr, languageHost+":", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The programs under test. They are kept between runs: go build does nothing
// where one is current.
var (
	pulumiCLI = sync.OnceValues(func() (string, error) {
		if path := os.Getenv("ENVCTL_STOCK_PULUMI"); path != "" {
			return filepath.Abs(path)
		}
		return build("bench/stock", "pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
			"-ldflags", "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version="+pulumiVersion)
	})
	envctlCLI = sync.OnceValues(func() (string, error) { return build(".", "envctl", "./cmd/envctl", "-ldflags", "-s -w") })
	program   = sync.OnceValues(func() (string, error) { return build(".", "program", "./stacks/program", "-ldflags", "-s -w") })
	csvBinary = sync.OnceValues(func() (string, error) { return build("examples/csv-insights", "csv-insights", ".") })
)

func build(dir, name, pkg string, flags ...string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	out := filepath.Join(cache, "envctl-stockcli", name)
	args := append([]string{"build", "-buildvcs=false", "-trimpath", "-o", out}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = filepath.Join(root, dir)
	if name == "csv-insights" {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // its image holds nothing else
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, text)
	}
	return out, nil
}

const root = "../.." // of the repository

// must builds one of the programs above.
func must(t *testing.T, program func() (string, error)) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// cli runs one program in one folder with a fixed environment.
type cli struct {
	path, dir string
	env       map[string]string
}

// run returns what the program prints, or an error with what it said.
func (c cli) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Dir = c.dir
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		cmd.Env = append(cmd.Env, name+"="+c.env[name])
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(c.path), strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), nil
}

func (c cli) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// decode runs the program and reads its output as JSON.
func (c cli) decode(t *testing.T, into any, args ...string) {
	t.Helper()
	out := c.must(t, args...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("%s printed %q: %v", strings.Join(args, " "), out, err)
	}
}

// stock returns the stock CLI on the state store of an envctl state folder, or
// on one that is made there.
func stock(t *testing.T, dir, state string) cli {
	t.Helper()
	key := filepath.Join(state, "key")
	if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(key, []byte("passphrase"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	home := t.TempDir()
	return cli{path: must(t, pulumiCLI), dir: dir, env: map[string]string{
		"HOME": home, "PULUMI_HOME": filepath.Join(home, ".pulumi"), "PATH": os.Getenv("PATH"),
		"DOCKER_HOST":                                 os.Getenv("DOCKER_HOST"),
		"PULUMI_BACKEND_URL":                          "file://" + filepath.Join(state, "pulumi"),
		"PULUMI_CONFIG_PASSPHRASE_FILE":               key,
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		"PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK":    "true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		"PULUMI_SKIP_CONFIRMATIONS":                   "true",
	}}
}

// experiment is a definition of its own in a folder of its own, which the end of
// the test takes down.
type experiment struct {
	envctl     cli
	name, file string
	state      string // folder
}

// stack is the name that envctl gives the Pulumi stack.
func (e experiment) stack() string { return e.name + ".default.local" }

// newExperiment writes the example with a secret that is generated.
func newExperiment(t *testing.T) experiment {
	t.Helper()
	dir := t.TempDir()
	e := experiment{name: "stock-" + strings.ToLower(rand.Text()[:8]), state: filepath.Join(dir, "state")}
	if err := os.Mkdir(e.state, 0o700); err != nil {
		t.Fatal(err)
	}
	copyExample(t, filepath.Join(dir, "csv"))
	e.file = filepath.Join(dir, "csv", "envctl.yaml")
	definition := strings.NewReplacer("NAME", e.name).Replace(`name: NAME
apps:
  api:
    build: {context: .}
    args: [serve]
    files: {./data/sales.csv: /data/sales.csv}
    cpu: 0.25
    memory: 512Mi
    secrets: {TOKEN: token}
    ingress: {port: 8080, public: true}
    health: {path: /healthz, interval: 1s, timeout: 2s, retries: 3, grace: 30s}
secrets:
  token: {generate: 24}
`)
	if err := os.WriteFile(e.file, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	e.envctl = cli{path: must(t, envctlCLI), dir: dir, env: map[string]string{
		"HOME": dir, "PATH": os.Getenv("PATH"), "DOCKER_HOST": os.Getenv("DOCKER_HOST"), "ENVCTL_STATE_DIR": e.state,
	}}
	t.Cleanup(func() {
		if _, err := e.envctl.run(context.WithoutCancel(t.Context()), "down", "--file", e.file); err != nil {
			t.Error(err)
		}
	})
	return e
}

// copyExample copies examples/csv-insights with a freshly built binary.
func copyExample(t *testing.T, to string) {
	t.Helper()
	from := filepath.Join(root, "examples", "csv-insights")
	for _, name := range []string{".dockerignore", "Dockerfile", "envctl.yaml", "data/sales.csv"} {
		copyFile(t, filepath.Join(from, name), filepath.Join(to, name), 0o644)
	}
	copyFile(t, must(t, csvBinary), filepath.Join(to, "bin", "csv-insights"), 0o755)
}

func copyFile(t *testing.T, from, to string, mode fs.FileMode) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, mode); err != nil {
		t.Fatal(err)
	}
}
