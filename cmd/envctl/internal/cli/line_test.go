package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Whatever is wrong with the command line, the error must quote it and say what
// mends it, with exit status 2.
func TestWrongCommandLine(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	for _, c := range []struct {
		args      string
		variables map[string]string
		want      []string // parts of stderr
	}{
		{args: "chek", want: []string{`unknown command "chek"`, "envctl check"}},
		{args: "ps", want: []string{`unknown command "ps"`, "try: envctl status"}},
		{args: "destroy", want: []string{`unknown command "destroy"`, "try: envctl down"}},
		{args: "plan", want: []string{"try: envctl preview"}},
		{args: "up -f", want: []string{"--file needs a FILE"}},
		{args: "logs --tail x", want: []string{`--tail "x"`, "no number"}},
		{args: "logs --tail -5", want: []string{"--tail -5", "--tail 100"}},
		{args: "-C nowhere up", want: []string{"there is no folder", "nowhere"}},
		{args: "up --version", want: []string{`"--version"`}},
		{args: "run envctl.yaml", want: []string{`"envctl.yaml" is a file`, "envctl run --file envctl.yaml"}},
		{args: "run analyze --out envctl.yaml", want: []string{"cannot use", "is no folder", "nothing was run"}},
		{args: "run analyze --out envctl.yaml/below", want: []string{"cannot use", "nothing was run"}},
		{args: "run --image a --out envctl.yaml/below", want: []string{"cannot use", "nothing was run"}},
		{args: "frobnicate", want: []string{`unknown command "frobnicate"`, "envctl help"}},
		{args: "help chek", want: []string{`unknown command "chek"`, "envctl check"}},
		{args: "up --verbos", want: []string{`unknown flag "--verbos"`, "envctl up --verbose"}},
		{args: "up -Z", want: []string{`unknown flag "-Z"`, "envctl up --help"}},
		{args: "up extra", want: []string{`no argument "extra"`}},
		{args: "run", want: []string{"needs JOB"}},
		{args: "exec api", want: []string{"needs COMMAND"}},
		{args: "up --name", want: []string{"--name"}},
		{args: "up -n UPPER", want: []string{`--name "UPPER"`, "a-z"}},
		{args: "up -n " + strings.Repeat("a", 33), want: []string{"1 to 32"}},
		{args: "up -n a.b", want: []string{`"a.b"`}},
		{args: "up -t gcp", want: []string{`"gcp"`, "local or azure"}},
		{args: "up -t azure", want: []string{"envctl up on Azure needs to be confirmed", "--yes", "--simulate"}},
		{args: "down -t azure -e x", want: []string{"envctl down on Azure needs to be confirmed"}},
		{args: "promote --to azure", want: []string{"envctl promote on Azure needs to be confirmed"}},
		{args: "gc -t azure", want: []string{"envctl gc on Azure needs to be confirmed"}},
		{args: "promote", want: []string{`--to ""`, "envctl promote --to azure"}},
		{args: "promote --to local", want: []string{`--to "local"`}},
		{args: "up --simulate", want: []string{"--simulate", `"local"`, "--target azure"}},
		{args: "up --record x", want: []string{"--record", `"local"`}},
		{args: "up --build", want: []string{"--build", "a local up always builds"}},
		{args: "version --simulate", want: []string{"--simulate", `"envctl version"`}},
		{args: "platform up", want: []string{`kind "Experiment"`, `"Platform"`}},
		{args: "platform upp", want: []string{`"upp"`}},
		{args: "platform status -t local", want: []string{"--target", `"envctl platform status"`}},
		{args: "up -o yaml", want: []string{`"yaml"`, "text, json or ndjson"}},
		{args: "up --ttl soon", want: []string{`"soon"`}},
		{args: "up --ttl=", want: []string{"--ttl"}},
		{args: "up --yes=perhaps", want: []string{`"perhaps"`, "true or false"}},
		{args: "version --ttl 8h", want: []string{"--ttl", `"envctl version"`}},
		{args: "schema -f x", want: []string{"--file", `"envctl schema"`}},
		{args: "up -e x", want: []string{"--experiment", `"envctl up"`}},
		{args: "exec -o json api -- ls", want: []string{}},
		{args: "down -e x -f envctl.yaml", want: []string{"--experiment", "--file"}},
		{args: "completion basch", want: []string{`"basch"`, "envctl completion bash"}},
		{args: "up", variables: map[string]string{"ENVCTL_NAME": "No"}, want: []string{`ENVCTL_NAME "No"`, "unset ENVCTL_NAME"}},
		{args: "up", variables: map[string]string{"ENVCTL_TTL": "x"}, want: []string{`ENVCTL_TTL "x"`}},
		{args: "up", variables: map[string]string{"ENVCTL_YES": "x"}, want: []string{`ENVCTL_YES "x"`, "true or false"}},
		{args: "up -f missing.yaml", want: []string{`no file "missing.yaml"`}},
		{args: "up -f .", want: []string{"not a file"}},
	} {
		s.variables = c.variables
		got := s.run(t.Context(), &fake{}, strings.Fields(c.args)...)
		if got.status != 2 {
			t.Errorf("%s: %+v", c.args, got)
		}
		for _, w := range append(c.want, "error: ", "try: ") {
			if !strings.Contains(got.stderr+got.stdout, w) && !strings.Contains(c.args, "json") {
				t.Errorf("%s: %q is not in %q", c.args, w, got.stderr)
			}
		}
	}
}

// An error of the command line must be JSON where JSON was asked for, in whatever
// way, even when the command line could not be read to its end.
func TestWrongCommandLineAsJSON(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir()}
	for _, args := range []string{"up --nope -o json", "-ojson nope", "--output=json nope", "up --output json --nope", "-o=ndjson nope"} {
		got := s.run(t.Context(), &fake{}, strings.Fields(args)...)
		failure, _ := decode(t, got.stdout)["error"].(map[string]any)
		if got.status != 2 || got.stderr != "" || failure["code"] != "usage" || failure["hint"] == nil {
			t.Errorf("%s: %+v", args, got)
		}
	}
	s.variables = map[string]string{"ENVCTL_OUTPUT": "json"}
	if got := s.run(t.Context(), &fake{}, "nope"); !strings.HasPrefix(got.stdout, "{") {
		t.Errorf("%+v", got)
	}
	if got := s.run(t.Context(), &fake{}, "exec", "--nope", "--", "-o", "text"); !strings.HasPrefix(got.stdout, "{") {
		t.Errorf("what comes after -- was taken for a flag: %+v", got)
	}
}

// A variable must do what its flag does, and the flag must win.
func TestVariables(t *testing.T) {
	t.Parallel()
	dir := folder(t, "other.yaml", strings.Replace(example, "csv-insights", "other", 1), "envctl.yaml", example, "sub/keep", "")
	for _, c := range []struct {
		name, value string
		args        []string
		check       func(f *fake, got ended) bool
	}{
		{"ENVCTL_FILE", "other.yaml", []string{"up"}, func(f *fake, _ ended) bool { return f.request.Definition.Name == "other" }},
		{"ENVCTL_FILE", "other.yaml", []string{"up", "-f", "envctl.yaml"}, func(f *fake, _ ended) bool { return f.request.Definition.Name == "csv-insights" }},
		{"ENVCTL_FILE", "other.yaml", []string{"logs"}, func(f *fake, _ ended) bool { return f.logs.Ref.Experiment == "other" }},
		{"ENVCTL_NAME", "pr-1", []string{"up"}, func(f *fake, _ ended) bool { return f.request.Ref.Instance == "pr-1" }},
		{"ENVCTL_NAME", "pr-1", []string{"-n", "pr-2", "up"}, func(f *fake, _ ended) bool { return f.request.Ref.Instance == "pr-2" }},
		{"ENVCTL_TARGET", "azure", []string{"up"}, func(_ *fake, got ended) bool { return got.status == 2 }},
		{"ENVCTL_SIMULATE", "1", []string{"up"}, func(f *fake, got ended) bool { return got.status == 0 && !f.settings.Simulate }},
		{"ENVCTL_SIMULATE", "1", []string{"up", "-t", "azure"}, func(f *fake, got ended) bool { return got.status == 0 && f.settings.Simulate }},
		{"ENVCTL_RECORD", "sub", []string{"status", "-t", "azure"}, func(f *fake, _ ended) bool { return f.settings.Record == dir+"/sub" }},
		{"ENVCTL_EXPERIMENT", "by-name", []string{"down"}, func(f *fake, _ ended) bool { return f.request.Ref.Experiment == "by-name" }},
		{"ENVCTL_OUTPUT", "json", []string{"up"}, func(_ *fake, got ended) bool { return strings.HasPrefix(got.stdout, "{") }},
		{"ENVCTL_TTL", "1h", []string{"up"}, func(f *fake, _ ended) bool { return f.request.TTL != nil }},
		{"ENVCTL_TTL", "1h", []string{"version"}, func(_ *fake, got ended) bool { return got.status == 0 }},
		{"ENVCTL_ISOLATION", "container", []string{"run", "--image", "x"}, func(f *fake, _ ended) bool { return f.runs.spec.Isolation == "container" }},
		{"ENVCTL_YES", "1", []string{"up"}, func(f *fake, _ ended) bool { return f.request.Yes }},
		{"ENVCTL_VERBOSE", "1", []string{"version"}, func(_ *fake, got ended) bool { return strings.Contains(got.stdout, "\n") }},
		{"ENVCTL_DIRECTORY", "sub", []string{"init", "-e", "x1"}, func(_ *fake, got ended) bool {
			_, err := os.Stat(dir + "/sub/envctl.yaml")
			return got.status == 0 && err == nil
		}},
		{"ENVCTL_NAME", "", []string{"up"}, func(f *fake, _ ended) bool { return f.request.Ref.Instance == "default" }},
	} {
		f := &fake{}
		got := shell{dir: dir, variables: map[string]string{c.name: c.value}}.run(t.Context(), f, c.args...)
		if !c.check(f, got) {
			t.Errorf("%s=%s %v: %+v, request %+v", c.name, c.value, c.args, got, f.request)
		}
	}
}

// Every command must have an example, and its help must go to stdout with the
// variables of its flags.
func TestHelp(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir()}
	for _, c := range newRoot(&program{env: Env{}}).Commands() {
		got := s.run(t.Context(), &fake{}, c.Name(), "--help")
		if got.status != 0 || got.stderr != "" || !strings.Contains(got.stdout, "Examples:\n  ") || !strings.Contains(got.stdout, "envctl "+c.Name()) {
			t.Errorf("%s: %+v", c.Name(), got)
		}
		if c.GroupID == "" {
			t.Errorf("%s is in no group", c.Name())
		}
		same := s.run(t.Context(), &fake{}, "help", c.Name())
		if strings.ReplaceAll(same.stdout, " ", "") != strings.ReplaceAll(got.stdout, " ", "") {
			t.Errorf("help %s differs from %s --help", c.Name(), c.Name())
		}
		for _, l := range strings.Split(got.stdout, "\n") {
			if len(l) > 105 {
				t.Errorf("%s: a line of %d columns: %s", c.Name(), len(l), l)
			}
		}
	}
	root := s.run(t.Context(), &fake{})
	run := s.run(t.Context(), &fake{}, "help", "run")
	root.stdout += run.stdout // which has the flags of several commands
	for flag, v := range variables {
		if !strings.Contains(root.stdout, "--"+flag) || !strings.Contains(root.stdout, v) {
			t.Errorf("the help has no --%s (%s)", flag, v)
		}
	}
}

// On a terminal no line of a help may be broken by the terminal, but for what is to
// be copied.
func TestHelpFitsTheTerminal(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir(), terminal: true} // of 80 columns
	commands := [][]string{{}}
	for _, c := range newRoot(&program{env: Env{}}).Commands() {
		commands = append(commands, []string{c.Name()})
	}
	for _, c := range commands {
		page := s.run(t.Context(), &fake{}, append(c, "--help")...).stdout
		before, rest, _ := strings.Cut(page, "\nExamples:\n")
		_, after, _ := strings.Cut(rest, "\n\n")
		if before == "" || after == "" {
			t.Fatalf("%v: %q", c, page)
		}
		for _, l := range strings.Split(before+"\n"+after, "\n") {
			if len(l) > 80 {
				t.Errorf("%v: %d columns: %s", c, len(l), l)
			}
		}
	}
}

// --version must be a line that a script can read.
func TestVersionFlag(t *testing.T) {
	t.Parallel()
	got := shell{dir: t.TempDir()}.run(t.Context(), &fake{}, "--version")
	if got.status != 0 || got.stderr != "" || got.stdout != "envctl "+programVersion()+"\n" {
		t.Errorf("%+v", got)
	}
}

// Each flag and argument must complete with the names that are there.
func TestCompletion(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example, "b.yaml", "name: bb\napps: {web: {image: a/b}}\n")}
	for args, want := range map[string]string{
		"logs ": "api store", "logs s": "store", "logs api ": "", "exec ": "api store", "outputs a": "api", "run ": "analyze tidy",
		"run analyze ": "", "up ": "", "-n ": "default pr-1", "list -n p": "pr-1", "down -e ": "csv other", "up -o ": "text json ndjson",
		"up -t l": "local", "completion f": "fish", "logs --file b.yaml ": "web", "exec -f b.yaml ": "web", "help sc": "schema",
		"promote --to ": "azure", "doctor --fix ": "isolation", "mcp --isolation g": "gvisor",
	} {
		f := &fake{}
		for _, e := range [][2]string{{"csv", "default"}, {"csv", "pr-1"}, {"other", "default"}} {
			var sum = f.summary(e[0], e[1])
			f.list = append(f.list, sum)
		}
		words := strings.Split(args, " ")
		got := s.run(t.Context(), f, append([]string{cobra.ShellCompRequestCmd}, words...)...)
		var names []string
		for _, l := range strings.Split(got.stdout, "\n") {
			if l != "" && !strings.HasPrefix(l, ":") {
				name, _, _ := strings.Cut(l, "\t")
				names = append(names, name)
			}
		}
		if strings.Join(names, " ") != want {
			t.Errorf("%q completes with %q, want %q", args, names, want)
		}
	}
}
