package engine

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/stacks"
)

// The Automation API chooses its command lines by the version of the CLI, so ours
// must be that of the library that carries them out.
func TestVersionIsThatOfTheLibrary(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../go.mod", "../../bench/stock/go.mod"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, module := range []string{"pkg", "sdk"} {
			found := regexp.MustCompile(`\sgithub\.com/pulumi/pulumi/` + module + `/v3 v(\S+)`).FindSubmatch(raw)
			if found == nil || string(found[1]) != pulumiVersion.String() {
				t.Errorf("%s has pulumi/%s/v3 %s, and envctl answers as %s", file, module, found, pulumiVersion)
			}
		}
	}
}

func TestParseArgs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]commandLine{
		"stack select a.b.c":         {verb: "stack select", args: []string{"a.b.c"}},
		"stack init a.b.c":           {verb: "stack init", args: []string{"a.b.c"}},
		"stack rm --yes a.b.c":       {verb: "stack rm", args: []string{"a.b.c"}, flags: map[string]string{"yes": ""}},
		"stack rm a.b.c --yes":       {verb: "stack rm", args: []string{"a.b.c"}, flags: map[string]string{"yes": ""}},
		"up --parallel=8 --stack s":  {verb: "up", flags: map[string]string{"parallel": "8", "stack": "s"}},
		"up --stack=s --refresh":     {verb: "up", flags: map[string]string{"stack": "s", "refresh": ""}},
		"up --client=127.0.0.1:80":   {verb: "up", flags: map[string]string{"client": "127.0.0.1:80"}},
		"destroy --event-log tcp://": {verb: "destroy", flags: map[string]string{"event-log": "tcp://"}},
		"stack output --json --show-secrets --stack s": {
			verb: "stack output", flags: map[string]string{"json": "", "show-secrets": "", "stack": "s"}},
		"stack history --page-size 1 --page 1": {
			verb: "stack history", flags: map[string]string{"page-size": "1", "page": "1"}},
	} {
		got, err := parseArgs(strings.Fields(line))
		if err != nil || got.verb != want.verb || !slices.Equal(got.args, want.args) || len(got.flags) != len(want.flags) {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
		for name, value := range want.flags {
			if v, ok := got.flags[name]; !ok || v != value {
				t.Errorf("%s: --%s is %q", line, name, v)
			}
		}
	}
	for _, line := range []string{
		"up --target urn", "up --replace=urn", "up --plan file", "preview --diff", "destroy --exclude-protected",
		"up --policy-pack x", "stack rm --force a.b.c", "up --suppress-outputs", "up -y", "up --", "up --stack",
	} {
		if got, err := parseArgs(strings.Fields(line)); err == nil {
			t.Errorf("%s is no error: %+v", line, got)
		}
	}
}

func TestAnUnknownCommandIsAnError(t *testing.T) {
	t.Parallel()
	e := testEngine(t)
	for _, line := range []string{"", "import", "config set a b", "stack", "stack rename x", "watch", "up extra words"} {
		_, stderr, code, err := newCommand(e, t.Context()).Run(t.Context(), "", nil, nil, nil, nil, strings.Fields(line)...)
		if err == nil || code == 0 || stderr == "" {
			t.Errorf("%q: %d, %q, %v", line, code, stderr, err)
		}
	}
}

func testEngine(t *testing.T) *Engine {
	t.Helper()
	dir := t.TempDir()
	state := filepath.Join(dir, "pulumi")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	return New(Config{
		BackendURL: "file://" + state, WorkDir: dir, SaltFile: filepath.Join(dir, "salt"), Parallel: 3,
		Passphrase: func(context.Context) (string, error) { return "test", nil },
	})
}

// Every command line that the Automation API sends is one that is understood.
// A new version of it that sends others shows here.
func TestCommandLinesOfTheAutomationAPI(t *testing.T) {
	t.Parallel()
	e := testEngine(t)
	var sent []string
	e.onCommand = func(args []string) {
		line, err := parseArgs(args)
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		shown := line.verb
		for _, name := range slices.Sorted(maps.Keys(line.flags)) {
			shown += " --" + name
			if name == "parallel" || name == "exec-kind" {
				shown += "=" + line.flags[name]
			}
		}
		sent = append(sent, strings.Join(append([]string{shown}, line.args...), " "))
	}
	ref := stacks.Ref{Experiment: "lines", Instance: "default", Target: "local"}
	program := func(*pulumi.Context) error { return nil }
	refresh := stacks.Options{Refresh: true}
	run := map[string]func() error{
		"preview": func() error { _, _, err := e.Preview(t.Context(), ref, program, refresh); return err },
		"up":      func() error { _, _, err := e.Up(t.Context(), ref, program, refresh); return err },
		"again":   func() error { _, _, err := e.Up(t.Context(), ref, program, stacks.Options{}); return err },
		"outputs": func() error { _, _, err := e.Outputs(t.Context(), ref); return err },
		"destroy": func() error { _, err := e.Destroy(t.Context(), ref, refresh); return err },
	}
	const (
		results = "stack history --json --page --page-size --stack"
		outputs = "stack output --json --stack"
		shown   = "stack output --json --show-secrets --stack"
		inline  = " --client --event-log --exec-kind=auto.inline --parallel=3"
	)
	for _, step := range []struct {
		name string
		want []string
	}{
		{"preview", []string{
			"stack select --stack", "stack select --stack", "stack init lines.default.local", "preview" + inline + " --refresh --stack"}},
		{"up", []string{
			"stack select --stack", "stack init lines.default.local", "up" + inline + " --refresh --skip-preview --stack --yes",
			outputs, shown, results}},
		{"again", []string{"stack select --stack", "up" + inline + " --skip-preview --stack --yes", outputs, shown, results}},
		{"outputs", nil}, // asked of the backend directly
		{"destroy", []string{
			"stack select --stack",
			"destroy --continue-on-error --event-log --exec-kind=auto.local --parallel=3 --refresh --skip-preview --stack --yes",
			results, "stack rm --yes lines.default.local"}},
	} {
		sent = nil
		if err := run[step.name](); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if !slices.Equal(sent, step.want) {
			t.Errorf("%s sends\n\t%s\nwant\n\t%s", step.name, strings.Join(sent, "\n\t"), strings.Join(step.want, "\n\t"))
		}
	}
}
