package definition

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := Read([]byte(`
name: demo
budget: {amount: 5}
apps:
  api: {build: {context: .}, ingress: {port: 80}, health: {path: /}}
jobs:
  run: {image: busybox}
models:
  chat: {model: gpt-4o}
targets: {local: {}, azure: {}}
`), ReadOptions{Dir: "/somewhere"})
	if err != nil {
		t.Fatal(err)
	}
	resources := Workload{CPU: 0.5, Memory: 1 << 30}
	built, ready := resources, resources
	built.Build, ready.Image = &Build{Context: ".", Dockerfile: "Dockerfile"}, "busybox"
	seconds := func(n time.Duration) Duration { return Duration(n * time.Second) }
	want := &Definition{
		Kind: KindExperiment, Name: "demo", Dir: "/somewhere",
		Budget: &Budget{Amount: 5, Currency: "USD", Alerts: []int{50, 80, 100}, OnExceeded: OnExceededAlert},
		Apps: map[string]App{"api": {
			Workload: built, Ingress: &Ingress{Port: 80},
			Health: &Health{Path: "/", Interval: seconds(10), Timeout: seconds(2), Retries: 3, Grace: seconds(30)},
			Scale:  Scale{Min: 0, Max: 1, Concurrency: 10},
		}},
		Jobs:    map[string]Job{"run": {Workload: ready, Timeout: seconds(1800)}},
		Models:  map[string]Model{"chat": {Model: "gpt-4o", SKU: "GlobalStandard", Capacity: 10}},
		Targets: Targets{Local: &Local{Isolation: "auto"}, Azure: &Azure{Egress: "none"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	platform, err := Read([]byte("kind: Platform\nname: team\nregistry: {}\nenvironment: {}\n"), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if platform.Registry.SKU != "Basic" || platform.Environment.LogRetention != 30 {
		t.Errorf("registry %+v, environment %+v", platform.Registry, platform.Environment)
	}
}

func TestHalfOfAPair(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		cpu    float64
		memory string
	}{
		"cpu: 2":                 {2, "4Gi"},
		"memory: 512Mi":          {0.25, "512Mi"},
		"memory: 8Gi":            {4, "8Gi"},
		"cpu: 1, memory: 2048Mi": {1, "2Gi"},
		"command: [x]":           {0.5, "1Gi"},
	} {
		def, err := Read([]byte("name: demo\napps: {api: {image: x, "+body+"}}\n"), ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if api := def.Apps["api"]; api.CPU != want.cpu || api.Memory.String() != want.memory {
			t.Errorf("%s: cpu %v, memory %v; want %v", body, api.CPU, api.Memory, want)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	lookup := func(name string) (string, bool) {
		value, ok := map[string]string{"SET": "value", "EMPTY": "", "DOLLAR": "${SET}$$"}[name]
		return value, ok
	}
	for s, want := range map[string]string{
		"plain":               "plain",
		"$$":                  "$",
		"$$$$SET":             "$$SET",
		"$${SET}":             "${SET}",
		"${SET}":              "value",
		"a${SET}b${SET}c":     "avaluebvaluec",
		"${EMPTY}":            "",
		"${EMPTY:-default}":   "default",
		"${UNSET:-}":          "",
		"${UNSET:-a b:-c$d}":  "a b:-c$d",
		"${SET:-default}":     "value",
		"${DOLLAR}":           "${SET}$$", // once, not again
		"${UNSET:-two\nline}": "two\nline",
	} {
		d := &decoder{lookup: lookup}
		got, ok := d.expand(&node{kind: text, source: s}, s, "p")
		if !ok || got != want || len(d.problems) > 0 {
			t.Errorf("%q = %q, %v; want %q (%v)", s, got, ok, want, d.problems)
		}
		if again, ok := d.expand(&node{}, escape(got), "p"); !ok || again != got {
			t.Errorf("escape(%q) = %q reads back as %q", got, escape(got), again)
		}
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	def, err := ReadFile(write("envctl.yaml", "name: demo\napps: {api: {image: nginx}}\n"), ReadOptions{})
	if err != nil || def.Dir != dir {
		t.Errorf("ReadFile = %+v, %v; want Dir %q", def, err, dir)
	}
	if _, err = ReadFile(filepath.Join(dir, "absent.yaml"), ReadOptions{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "envctl init") {
		t.Errorf("an absent file: %v", err)
	}
	if _, err = ReadFile(dir, ReadOptions{}); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a folder: %v", err)
	}
	bad := write("bad.yaml", "name: x\n")
	var problems Problems
	if _, err = ReadFile(bad, ReadOptions{}); !errors.As(err, &problems) || problems[0].File != bad {
		t.Errorf("the problems do not name the file: %v", err)
	}
}

// TestHugeFile holds that a file of 50 MB is refused without being read.
func TestHugeFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "envctl.yaml")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(50<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := load(path)
	if err != nil || len(data) != maxBytes+1 {
		t.Errorf("load read %d bytes, %v; want %d", len(data), err, maxBytes+1)
	}
	if _, err := ReadFile(path, ReadOptions{}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("ReadFile = %v", err)
	}
}

// TestBoundedTime feeds documents that make a YAML parser slow or recurse, and
// holds that each is answered in a time that a person waits.
func TestBoundedTime(t *testing.T) {
	t.Parallel()
	const most = time.Minute // tenths of a second on an idle machine; hours where a bound is missing
	hold := func(t *testing.T, document string) {
		t.Helper()
		start := time.Now()
		if _, err := Read([]byte(document), ReadOptions{}); err == nil {
			t.Errorf("%.20q… is accepted", document)
		}
		if took := time.Since(start); took > most {
			t.Errorf("%.20q… took %v", document, took)
		}
	}
	for _, unit := range []string{"[", "{a: ", "- ", "? ", "a: ", "&a ", "!a ", "*a ", "a: b\n", "- a\n", "-\n", "]", "%", "---\n", "\"a\" ", "[? ", "&a : ", "a,", "|\n", "\t", "'", "\\", ": "} {
		for _, head := range []string{"", "a: [", "name: x\napps:\n  "} {
			hold(t, head+strings.Repeat(unit, maxTokens/4)) // about as many tokens as the parser is let have
		}
	}
	for _, unit := range []string{"[", "a: b\n", "|\n", "x", "'"} {
		hold(t, strings.Repeat(unit, maxBytes/len(unit))) // the largest file
	}
}
