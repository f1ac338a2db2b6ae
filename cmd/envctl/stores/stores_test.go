//go:build stores

package stores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // the schemes of URLs
	_ "gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob"

	"github.com/envctl/envctl/cmd/envctl/programtest"
	"github.com/envctl/envctl/components/azure/armsim"
)

// envctl is the program that is tested.
var envctl string

func TestMain(m *testing.M) { programtest.Main(m, &envctl) }

// A model needs no image.
const definition = `name: exp
ttl: 8h
models:
  chat: {model: gpt-4o-mini, version: "2024-07-18", capacity: 1}
secrets:
  token: {generate: 32}
targets:
  azure: {location: swedencentral}
`

const changed = definition + `budget: {amount: 50, contacts: [team@example.com], onExceeded: stop}
`

// machine is one that shares the store, with a state folder of its own.
type machine struct {
	t   *testing.T
	dir string
	env []string
}

func newMachine(t *testing.T, env map[string]string) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir()}
	m.define(definition)
	m.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, "ENVCTL_STATE_DIR=" + filepath.Join(m.dir, "state"),
		"DOCKER_HOST=unix:///nonexistent", "NO_COLOR=1", "ENVCTL_YES=1", "ENVCTL_PASSPHRASE=shared",
	}
	for key, value := range env {
		m.env = append(m.env, key+"="+value)
	}
	return m
}

func (m *machine) define(text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, "envctl.yaml"), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// result is what a command prints with -o json.
type result struct {
	Result  string          `json:"result"`
	Changes map[string]int  `json:"changes"`
	Outputs json.RawMessage `json:"outputs"`
	said    string
	exit    int
}

// run runs a command, and kills it after a time; 0: never.
func (m *machine) run(kill time.Duration, args ...string) result {
	m.t.Helper()
	ctx := m.t.Context()
	if kill > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, kill)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, envctl, append(args, "-t", "azure", "-o", "json")...)
	cmd.Dir, cmd.Env = m.dir, m.env
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	var exit *exec.ExitError
	r := result{}
	switch err := cmd.Run(); {
	case errors.As(err, &exit):
		r.exit = exit.ExitCode()
	case err != nil:
		m.t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(out.String()), &r) // of a killed one there is nothing
	r.said = fmt.Sprintf("%v: %d\n%s%s", args, r.exit, out.String(), said.String())
	return r
}

// does is run of what has to succeed.
func (m *machine) does(args ...string) result {
	m.t.Helper()
	r := m.run(0, args...)
	if r.exit != 0 {
		m.t.Fatal(r.said)
	}
	return r
}

// TestStores has two machines work on one experiment by the state in a store: each finds
// what the other made, a command that was killed is gone on from, a lock of a third one
// is respected, and down leaves nothing.
func TestStores(t *testing.T) {
	programs := os.Getenv("ENVCTL_STORES")
	for scheme, start := range stores {
		t.Run(scheme, func(t *testing.T) {
			at := start(t, programs)
			simulator, err := armsim.New(armsim.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(simulator.Close)
			if _, err := simulator.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			env := maps.Clone(at.env)
			maps.Copy(env, simulator.Env())
			env["ENVCTL_BACKEND_URL"] = at.url
			own := at.own
			if own == nil {
				own = at.env
			}
			for key, value := range own {
				t.Setenv(key, value)
			}
			one, two := newMachine(t, env), newMachine(t, env)

			made := one.does("up")
			if made.Result != "created" || len(made.Outputs) == 0 {
				t.Fatal(made.said)
			}
			if again := one.does("up"); again.Result != "unchanged" {
				t.Error(again.said)
			}
			if got := two.does("outputs", "-e", "exp"); cmp.Diff(string(made.Outputs), string(got.Outputs)) != "" {
				t.Errorf("another machine sees %s\n%s", got.said, made.said)
			}
			if same := two.does("up"); same.Changes["create"] != 0 || same.Changes["replace"] != 0 || same.Changes["delete"] != 0 {
				t.Errorf("another machine changes what is there: %s", same.said)
			}

			two.define(changed)
			for after := 200 * time.Millisecond; after < 500*time.Millisecond; after += 50 * time.Millisecond {
				two.run(after, "up")
			}
			one.define(changed)
			one.does("up")
			if again := one.does("up"); again.Result != "unchanged" {
				t.Error(again.said)
			}

			held := lock(t, at)
			two.define(definition)
			if r := two.run(0, "up"); r.exit != 5 || !strings.Contains(r.said, "elsewhere") {
				t.Errorf("exit status %d, expected 5 and the holder's name: %s", r.exit, r.said)
			}
			held()

			two.does("down")
			if left, err := simulator.Leftovers(); err != nil || len(left) > 0 {
				t.Errorf("left over: %q, %v", left, err)
			}
			if left := stacksIn(t, at); len(left) > 0 {
				t.Errorf("left in the store: %q", left)
			}
		})
	}
}

// open opens the store as the test sees it.
func open(t *testing.T, at store) *blob.Bucket {
	t.Helper()
	b, err := blob.OpenBucket(t.Context(), at.see)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return blob.PrefixedBucket(b, "team/")
}

// lock takes the stack's lock as Pulumi on another machine does, until it is given back.
func lock(t *testing.T, at store) (unlock func()) {
	t.Helper()
	b := open(t, at)
	const key = ".pulumi/locks/organization/envctl/exp.default.azure/00000000-0000-0000-0000-000000000000.json"
	holder := fmt.Sprintf(`{"pid":1,"username":"ann","hostname":"elsewhere","timestamp":%q}`, time.Now().Format(time.RFC3339))
	if err := b.WriteAll(t.Context(), key, []byte(holder), nil); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
}

// stacksIn are the states, locks and interim states in the store.
func stacksIn(t *testing.T, at store) (keys []string) {
	t.Helper()
	list := open(t, at).List(nil)
	for {
		o, err := list.Next(t.Context())
		if errors.Is(err, io.EOF) {
			slices.Sort(keys)
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(o.Key, "/stacks/") || strings.Contains(o.Key, "/locks/") || strings.Contains(o.Key, "interim") {
			keys = append(keys, o.Key)
		}
	}
}
