package docs

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// help returns what `envctl ARGS` prints for people.
func help(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(envctl, args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("envctl %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// listed are the lines of a command in the help of envctl.
var listed = regexp.MustCompile(`(?m)^  ([a-z]+) {2,}(\S.*)$`)

// TestGeneratedCommands makes the reference of commands and flags from the command
// line's own help, which comes from the tree of commands.
func TestGeneratedCommands(t *testing.T) {
	t.Parallel()
	page := help(t, "help")
	_, everywhere := flags(page)
	var b strings.Builder
	row(&b, "flag", "variable", "meaning")
	row(&b, "---", "---", "---")
	for _, f := range everywhere {
		row(&b, f.cells()...)
	}
	generated(t, "docs/cli.md", "flags", b.String())

	b.Reset()
	commands := listed.FindAllStringSubmatch(strings.Split(page, "Flags:")[0], -1)
	if len(commands) < 15 {
		t.Fatalf("only %d commands", len(commands))
	}
	slices.SortFunc(commands, func(x, y []string) int { return strings.Compare(x[1], y[1]) })
	row(&b, "command", "does")
	row(&b, "---", "---")
	for _, c := range commands {
		row(&b, "[`"+c[1]+"`](#envctl-"+c[1]+")", c[2])
	}
	for _, c := range commands {
		b.WriteString("\n" + reference(c[1], help(t, "help", c[1])))
	}
	generated(t, "docs/cli.md", "commands", b.String())
}

// indentedComment is a line of a help that is a comment of YAML, no heading.
var indentedComment = regexp.MustCompile(`\n  (# .*)`)

// reference is the section of a command.
func reference(name, page string) string {
	about, rest, _ := strings.Cut(page, "\n\nUsage:\n  ")
	usage, rest, _ := strings.Cut(rest, "\n")
	var b strings.Builder
	b.WriteString("### envctl " + name + "\n\n" + indentedComment.ReplaceAllString(about, "\n`$1`") + "\n\n```text\n" + usage + "\n```\n")
	if _, examples, ok := strings.Cut(rest, "Examples:\n"); ok {
		examples, _, _ = strings.Cut(examples, "\n\n")
		b.WriteString("\n```text\n" + strings.ReplaceAll(strings.TrimPrefix(examples, "  "), "\n  ", "\n") + "\n```\n")
	}
	own, everywhere := flags(rest)
	own = slices.DeleteFunc(own, func(f flagLine) bool { return f.long == "--help" })
	if len(own) > 0 {
		b.WriteString("\n")
		row(&b, "flag", "variable", "meaning")
		row(&b, "---", "---", "---")
		for _, f := range own {
			row(&b, f.cells()...)
		}
	}
	var also []string
	for _, f := range everywhere {
		also = append(also, "`"+f.long+"`")
	}
	b.WriteString("\nGlobal flags: " + strings.Join(also, ", ") + "\n")
	return b.String()
}

// flagLine is one flag of a help.
type flagLine struct{ short, long, value, about string }

func (f flagLine) cells() []string {
	name := "`" + f.long
	if f.value != "" {
		name += " " + f.value
	}
	name += "`"
	if f.short != "" {
		name = "`" + f.short + "`, " + name
	}
	variable, about := "–", f.about
	if m := inParentheses.FindStringSubmatch(about); m != nil {
		variable, about = "`"+m[1]+"`", strings.Replace(about, " ("+m[1]+")", "", 1)
	}
	return []string{name, variable, about}
}

var (
	inParentheses = regexp.MustCompile(`\((ENVCTL_[A-Z]+)\)`)
	flagHead      = regexp.MustCompile(`^ {2,6}(?:(-\w), )?(--[a-z-]+)(?: ([A-Za-z]+))? {2,}(.*)$`)
)

// flags reads the flags of a help: a command's own, and those that every command
// knows.
func flags(page string) (own, everywhere []flagLine) {
	to := (*[]flagLine)(nil)
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		m := flagHead.FindStringSubmatch(line)
		switch {
		case line == "Flags:":
			to = &own
		case line == "Flags everywhere:":
			to = &everywhere
		case line == "" || to == nil:
		case m != nil:
			*to = append(*to, flagLine{m[1], m[2], m[3], m[4]})
		case strings.HasPrefix(line, "          ") && len(*to) > 0: // a description goes on
			last := &(*to)[len(*to)-1]
			last.about += " " + strings.TrimSpace(line)
		}
	}
	return own, everywhere
}

// TestJSONKeys holds that every key of every result and event is explained. The
// golden files of the renderer have them all.
func TestJSONKeys(t *testing.T) {
	t.Parallel()
	_, section, ok := strings.Cut(read(t, "docs/cli.md"), "\n## JSON\n")
	if !ok {
		t.Fatal("docs/cli.md has no section JSON")
	}
	files, err := filepath.Glob(filepath.Join(root, "cmd/envctl/internal/output/testdata/*.*json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	seen := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		stdout, _, _ := strings.Cut(strings.TrimPrefix(string(text), "--- stdout\n"), "--- stderr")
		for d := json.NewDecoder(strings.NewReader(stdout)); d.More(); {
			var v any
			if err := d.Decode(&v); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			keysOf(v, seen)
		}
	}
	for key := range seen {
		if !strings.Contains(section, "`"+key+"`") {
			t.Errorf("docs/cli.md does not explain the key %q", key)
		}
	}
}

// byName are the keys whose members are names of a definition or of modules.
var byName = map[string]bool{"apps": true, "jobs": true, "models": true, "modules": true, "images": true}

func keysOf(v any, into map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			keysOf(x, into)
		}
	case map[string]any:
		for key, x := range v {
			if !strings.Contains(key, "-") { // a property of a Pulumi resource in a preview, or a name
				into[key] = true
			}
			if named, ok := x.(map[string]any); ok && byName[key] {
				for _, y := range named {
					keysOf(y, into)
				}
				continue
			}
			keysOf(x, into)
		}
	}
}

// quoted are the names of variables in Go source.
var quoted = regexp.MustCompile(`"(ENVCTL_[A-Z_]+)"`)

// notForUsers are set by envctl for its own programs: the gateway, the registry's
// process, the simulator's client, the steward and the tests.
var notForUsers = map[string]bool{
	"ENVCTL_GATEWAY": true, "ENVCTL_GATEWAY_KEY": true, "ENVCTL_TEST_ISOLATION": true, "ENVCTL_TEST_ENGINE": true, "ENVCTL_REGISTRY_INHERITED": true, "ENVCTL_MODELS_INHERITED": true, "ENVCTL_AZURE_SIMULATED": true, "ENVCTL_AZURE_": true,
	"ENVCTL_RESOURCE_GROUP_ID": true, "ENVCTL_AUDIENCE": true, "ENVCTL_MODEL_ENDPOINT": true, "ENVCTL_DEADLINE": true,
	"ENVCTL_RESOURCE_MANAGER": true, "ENVCTL_BUDGET_ID": true, "ENVCTL_MODEL_DEPLOYMENTS": true,
}

// TestVariables holds that every variable that the program reads is explained.
func TestVariables(t *testing.T) {
	t.Parallel()
	text := read(t, "docs/cli.md") + read(t, "docs/definition.md") + read(t, "docs/azure.md")
	for name := range inSource(t, quoted) {
		if !notForUsers[name] && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("none of docs/cli.md, docs/definition.md and docs/azure.md explains the variable %s", name)
		}
	}
}

// errorCodes are where an error gets its code.
var errorCodes = regexp.MustCompile(`(?:Code\(\) string\s*\{ return |\bcode: |f\.Code(?:, f\.\w+)* = |\.code(?:, \w+\.\w+)* = |Code: )"([a-z-]+)"`)

// TestErrorCodes holds that every code of an error is explained.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	text := read(t, "docs/troubleshooting.md")
	codes := inSource(t, errorCodes)
	if len(codes) < 12 {
		t.Errorf("only %v", codes)
	}
	for code := range codes {
		if !strings.Contains(text, "| `"+code) {
			t.Errorf("docs/troubleshooting.md does not explain the code %q", code)
		}
	}
}

// inSource finds the first group of a pattern in the program's source.
func inSource(t *testing.T, pattern *regexp.Regexp) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, top := range []string{"cmd/envctl/internal", "components", "local", "policies", "stacks"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
				out[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestDoctorChecks holds that every check of doctor is explained.
func TestDoctorChecks(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(envctl, "doctor", "-o", "json")
	cmd.Env = append(os.Environ(), "ENVCTL_STATE_DIR="+t.TempDir())
	out, _ := cmd.Output() // a check that fails here is explained all the same
	var checkup struct {
		Checks []struct{ Group, Name string }
	}
	if err := json.Unmarshal(out, &checkup); err != nil || len(checkup.Checks) < 10 {
		t.Fatalf("%v\n%s", err, out)
	}
	var want, got []string
	for _, c := range checkup.Checks {
		want = append(want, c.Group+" "+c.Name)
	}
	for _, cells := range table(t, "docs/troubleshooting.md", "group") {
		got = append(got, cells[0]+" "+strings.Trim(cells[1], "`"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page has %q, doctor checks %q", got, want)
	}
}
