package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
)

const onAzure = example + "targets: {azure: {subscription: 51a51a51-0000-4000-8000-000000000001, location: swedencentral}}\n"

// Every command must say in every form that a simulator answered, and none may say
// so of Azure itself.
func TestSimulatedIsMarked(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", onAzure)}
	up := stacks.Result{Result: stacks.Created, Simulated: true, Changes: &stacks.Changes{Create: 2}}
	outputs := &stacks.Outputs{Apps: map[string]stacks.AppOutput{"api": {URL: "http://127.0.0.1:1"}}}
	listed := []stacks.Summary{{Ref: stacks.Ref{Experiment: "a", Instance: "b", Target: "azure"}, Simulated: true}}
	for _, args := range [][]string{
		{"up"}, {"preview"}, {"down"}, {"status"}, {"outputs"}, {"outputs", "api"}, {"logs"}, {"run", "tidy"}, {"check"}, {"doctor"},
		{"list"}, {"open"}, {"gc", "--dry-run"}, {"promote", "--to", "azure"},
	} {
		for _, format := range []string{"text", "json", "ndjson"} {
			f := &fake{result: up, outputs: outputs, list: listed}
			line := append(slices.Clone(args), "--simulate", "-o", format)
			if args[0] != "promote" {
				line = append(line, "-t", "azure")
			}
			got := s.run(t.Context(), f, line...)
			if got.status != 0 || !strings.HasPrefix(got.stderr, simulatedNotice+"\n") || !f.settings.Simulate || f.settings.Target != "azure" {
				t.Fatalf("%v: %+v, settings %+v", line, got, f.settings)
			}
			if format == "json" && args[0] != "list" && decode(t, got.stdout)["simulated"] != true {
				t.Errorf("%v: %s", line, got.stdout)
			}
			if shown := slices.Contains([]string{"up", "down", "status", "list", "gc", "promote"}, args[0]); shown && format == "text" && !strings.Contains(got.stdout, "azure (simulated)") {
				t.Errorf("%v: %s", line, got.stdout)
			}
		}
	}
	got := s.run(t.Context(), &fake{list: listed}, "list", "--simulate", "-o", "json")
	if entry := decode(t, got.stdout)["experiments"].([]any)[0].(map[string]any); entry["simulated"] != true {
		t.Errorf("list: %+v", got)
	}
	for _, args := range [][]string{{"up", "--yes"}, {"status"}} {
		got := s.run(t.Context(), &fake{result: stacks.Result{Result: stacks.Created}}, append(args, "-t", "azure", "-o", "json")...)
		if got.status != 0 || strings.Contains(got.stdout+got.stderr, "simulated") {
			t.Errorf("%v on Azure itself: %+v", args, got)
		}
	}
}

// The definition's addresses must come to who connects.
func TestAzureSettings(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", onAzure)}
	f := &fake{result: stacks.Result{Result: stacks.Created}}
	got := s.run(t.Context(), f, "up", "-t", "azure", "--yes", "--build", "--record", "rec", "-n", "pr-1")
	want := stacks.Ref{Experiment: "csv-insights", Instance: "pr-1", Target: "azure"}
	if got.status != 0 || f.settings.Azure.Location != "swedencentral" || !f.settings.Build || f.settings.Ref != want ||
		f.settings.Record != filepath.Join(s.dir, "rec") || f.settings.Simulate {
		t.Errorf("%+v, %+v", got, f.settings)
	}
	if s.run(t.Context(), f, "up"); f.settings.Build || f.settings.Record != "" || f.settings.Ref.Target != "local" {
		t.Errorf("locally: %+v", f.settings)
	}
}

// A change of Azure must be asked about once, with what is billed; anything but yes
// changes nothing.
func TestConfirmation(t *testing.T) {
	t.Parallel()
	result := stacks.Result{Result: stacks.Created, Changes: &stacks.Changes{Create: 3}, Steps: []stacks.Step{
		{Op: "create", Type: "azure-native:app/v20240301:ContainerApp"}, {Op: "create", Type: "azure-native:containerregistry/v20230701:Registry"},
		{Op: "same", Type: "azure-native:app/v20240301:Job"}}}
	for _, c := range []struct {
		args   []string
		answer string
		status int
		asked  bool
	}{
		{[]string{"up"}, "y\n", 0, true}, {[]string{"up"}, "YES\n", 0, true}, {[]string{"up"}, "\n", 3, true}, {[]string{"up"}, "no\n", 3, true},
		{[]string{"up"}, "", 3, true}, {[]string{"up", "--yes"}, "", 0, false}, {[]string{"up", "--simulate"}, "", 0, false},
		{[]string{"down"}, "y\n", 0, true}, {[]string{"down"}, "n\n", 3, true}, {[]string{"down", "-y"}, "", 0, false},
	} {
		s := shell{dir: folder(t, "envctl.yaml", onAzure), terminal: true, stdin: c.answer}
		f := &fake{result: result}
		got := s.run(t.Context(), f, append(c.args, "-t", "azure")...)
		if got.status != c.status || strings.Contains(got.stderr, "[y/N]") != c.asked {
			t.Errorf("%v, answer %q: %+v", c.args, c.answer, got)
		}
		if c.asked && c.args[0] == "up" && !strings.Contains(got.stderr, "3 to create, 0 to update, 0 to replace, 0 to delete; billed: 1 × container app, 1 × container registry. Go on?") {
			t.Errorf("%v: the question is %q", c.args, got.stderr)
		}
		if c.status != 0 && !strings.Contains(got.stderr, "nothing was changed") {
			t.Errorf("%v: %q", c.args, got.stderr)
		}
	}
	// Where nothing changes, nothing is asked.
	s := shell{dir: folder(t, "envctl.yaml", onAzure), terminal: true}
	if got := s.run(t.Context(), &fake{result: stacks.Result{Result: stacks.Unchanged, Changes: &stacks.Changes{Same: 3}}}, "up", "-t", "azure"); got.status != 0 {
		t.Errorf("unchanged: %+v", got)
	}
}

func TestPromote(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", onAzure), terminal: true, stdin: "y\n", variables: map[string]string{"NO_COLOR": "1"}}
	f := &fake{result: stacks.Result{Result: stacks.Created, Changes: &stacks.Changes{Create: 1}}}
	got := s.run(t.Context(), f, "promote", "--to", "azure")
	if got.status != 0 || !strings.Contains(got.stderr, "= api sha256:aa; ~ target: local → azure; promote csv-insights (instance default) to Azure? [y/N]") {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got.stdout, "= api sha256:aa\n~ target: local → azure\ncsv-insights created on azure") || f.promote.Ref.Target != "azure" {
		t.Errorf("%+v", got)
	}
	s.stdin = "n\n"
	if got := s.run(t.Context(), f, "promote", "--to", "azure"); got.status != 3 {
		t.Errorf("declined: %+v", got)
	}
}

func TestGC(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir()}
	removed := 0
	left := func(err error) []Leftover {
		return []Leftover{{
			Leftover: output.Leftover{Kind: "resource group", Name: "envctl-a-default", Experiment: "a", Instance: "default",
				Reason: output.NoState, AgeSeconds: 7200, Owner: "me"},
			Remove: func(context.Context) error { removed++; return err },
		}}
	}
	expired := []stacks.Summary{
		{Ref: stacks.Ref{Experiment: "b", Instance: "pr-1", Target: "azure"}, Expires: noon.Add(-time.Hour), Created: noon.Add(-2 * time.Hour)},
		{Ref: stacks.Ref{Experiment: "c", Instance: "pr-1", Target: "azure"}, Expires: noon.Add(time.Hour)},
		{Ref: stacks.Ref{Experiment: "d", Instance: "pr-1", Target: "azure"}},
		{Ref: stacks.Ref{Experiment: "e", Instance: "pr-1", Target: "local"}, Expires: noon.Add(-time.Hour)},
	}
	f := &fake{left: left(nil), list: expired}
	got := s.run(t.Context(), f, "gc", "-t", "azure", "--dry-run")
	if got.status != 0 || removed != 0 || slices.Contains(f.built, "operations") || !strings.Contains(got.stdout, "envctl-a-default  a       2h") || !strings.Contains(got.stdout, "2 leftovers, nothing was removed") {
		t.Errorf("dry run: %+v, built %v", got, f.built)
	}
	got = s.run(t.Context(), f, "gc", "-t", "azure", "--yes", "-o", "json")
	found := decode(t, got.stdout)["found"].([]any)
	if got.status != 0 || removed != 1 || len(found) != 2 || f.request.Ref.Experiment != "b" {
		t.Errorf("%+v, removed %d, down of %v", got, removed, f.request.Ref)
	}
	f.theirs = []Leftover{{Leftover: output.Leftover{Kind: "resource group", Name: "envctl-z-default", Reason: output.NoState, Owner: "you"}}}
	if got = s.run(t.Context(), f, "gc", "-t", "azure", "--dry-run"); strings.Contains(got.stdout, "envctl-z") {
		t.Errorf("another's is to go: %s", got.stdout)
	}
	if got = s.run(t.Context(), f, "gc", "-t", "azure", "--dry-run", "--all"); !strings.Contains(got.stdout, "envctl-z") {
		t.Errorf("--all leaves another's out: %s", got.stdout)
	}
	f.left = left(errors.New("it is locked"))
	got = s.run(t.Context(), f, "gc", "-t", "azure", "--yes")
	if got.status != 1 || !strings.Contains(got.stdout, "failed: it is locked") || !strings.Contains(got.stderr, `resource group "envctl-a-default": it is locked`) {
		t.Errorf("failing: %+v", got)
	}
	got = s.run(t.Context(), f, "gc", "-t", "local", "-o", "json")
	if list := decode(t, got.stdout)["found"].([]any); len(list) != 1 || f.request.Ref.Experiment != "e" {
		t.Errorf("locally: %+v", got)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example), terminal: true}
	one := &stacks.Outputs{Apps: map[string]stacks.AppOutput{"api": {URL: "http://127.0.0.1:1"}, "store": {}}}
	f := &fake{outputs: one}
	if got := s.run(t.Context(), f, "open"); got.status != 0 || f.opened != "http://127.0.0.1:1" || got.stdout != "http://127.0.0.1:1\n" {
		t.Errorf("%+v, opened %q", got, f.opened)
	}
	s.terminal = false
	f = &fake{outputs: one}
	if got := s.run(t.Context(), f, "open", "api", "-o", "json"); got.status != 0 || f.opened != "" || decode(t, got.stdout)["url"] != "http://127.0.0.1:1" {
		t.Errorf("in a pipe: %+v, opened %q", got, f.opened)
	}
	two := &stacks.Outputs{Apps: map[string]stacks.AppOutput{"a": {URL: "http://127.0.0.1:1"}, "b": {URL: "http://127.0.0.1:2"}}}
	for name, c := range map[string]struct {
		outputs *stacks.Outputs
		args    []string
		want    string
	}{
		"no public address": {one, []string{"open", "store"}, `app "store" has no public address`},
		"no such app":       {one, []string{"open", "apy"}, `no app "apy"`},
		"several":           {two, []string{"open"}, "several apps"},
		"none":              {&stacks.Outputs{}, []string{"open"}, "no app has a public address"},
		"not up":            {nil, []string{"open"}, "is not up"},
	} {
		if got := s.run(t.Context(), &fake{outputs: c.outputs}, c.args...); got.status == 0 || !strings.Contains(got.stderr, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCheckAsksAzure(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", onAzure)}
	f := &fake{looked: []output.Finding{
		{State: output.FindingOK, Detail: "fine"}, {State: output.FindingWarning, Detail: "nearly full"},
		{State: output.FindingFailed, Detail: "no such region", Fix: "use swedencentral", Path: "targets.azure.location"},
	}}
	got := s.run(t.Context(), f, "check", "-t", "azure", "-o", "json")
	report := decode(t, got.stdout)
	if got.status != 2 || report["result"] != "invalid" || !strings.Contains(got.stdout, "no such region") || strings.Contains(got.stdout, "fine") || report["warnings"].([]any)[0] != "nearly full" {
		t.Errorf("%+v", got)
	}
	f = &fake{noCloud: errors.New("nobody is logged in")}
	got = s.run(t.Context(), f, "check", "-t", "azure")
	if got.status != 0 || !strings.Contains(got.stdout, "Azure was not asked for region, quota, models and names: nobody is logged in") {
		t.Errorf("without a login: %+v", got)
	}
	if got := s.run(t.Context(), f, "check"); strings.Contains(got.stdout, "Azure") {
		t.Errorf("locally: %+v", got)
	}
}

func TestDoctorAsksAzure(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", onAzure)}
	f := &fake{probes: doctor.Probes{}, looked: []output.Finding{{Group: "azure", Name: "quota", State: output.FindingFailed, Detail: "none left", Fix: "another region"}}}
	if got := s.run(t.Context(), f, "doctor", "-t", "azure"); got.status != 1 || !strings.Contains(got.stdout, "none left") {
		t.Errorf("%+v", got)
	}
	f.noCloud = errors.New("nobody is logged in")
	if got := s.run(t.Context(), f, "doctor", "-t", "azure"); got.status != 1 || !strings.Contains(got.stdout, "nobody is logged in") {
		t.Errorf("without a login: %+v", got)
	}
	if got := s.run(t.Context(), f, "doctor"); got.status != 0 || strings.Contains(got.stdout, "azure") {
		t.Errorf("locally: %+v", got)
	}
}

func TestParity(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", onAzure)}
	f := &fake{}
	got := s.run(t.Context(), f, "parity")
	for _, want := range []string{"COMPONENT", "app api", "job analyze", "identity", "are set on Azure only"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is not in %s", want, got.stdout)
		}
	}
	document := decode(t, s.run(t.Context(), f, "parity", "-o", "json").stdout)
	if got.status != 0 || document["differences"].(float64) < 5 || f.built != nil {
		t.Errorf("%v, built %v", document, f.built)
	}
}

// A rehearsal runs each step as a command; after one that failed, only those that
// clean up.
func TestRehearse(t *testing.T) {
	t.Parallel()
	withApp := &definition.Definition{Apps: map[string]definition.App{"api": {}}}
	dir := folder(t, "envctl.yaml", onAzure)
	script := filepath.Join(dir, "self")
	log := filepath.Join(dir, "log")
	write := func(fail string) {
		text := "#!/bin/sh\nshift 2\necho \"$*\" >> " + log + "\n[ -n \"$ENVCTL_STATE_DIR\" ] || exit 9\n" +
			"case \"$*\" in *-) cat > " + log + ".given;; esac\n" +
			"case \"$1\" in " + fail + ") echo '{\"error\": {\"message\": \"it broke\"}}'; exit 1;; esac\n" +
			"case \"$*\" in *--simulate*) echo '" + simulatedNotice + "' >&2;; esac\necho a warning >&2\n" +
			"echo '{\"result\": \"created\", \"changes\": {\"create\": 2, \"update\": 1}, \"found\": [], \"steps\": [{\"old\": \"REHEARSED\"}]}'\n"
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := shell{dir: dir, self: script}
	write("nothing")
	got := s.run(t.Context(), &fake{}, "rehearse", "-o", "json")
	document := decode(t, got.stdout)
	if got.status != 0 || document["result"] != "ok" || document["simulated"] != true || len(document["steps"].([]any)) != len(rehearsal("x", withApp)) {
		t.Fatalf("%+v", got)
	}
	if strings.Count(got.stderr, simulatedNotice) != 1 || strings.Count(got.stderr, "a warning") != len(rehearsal("x", withApp)) {
		t.Errorf("stderr %q", got.stderr)
	}
	given, _ := os.ReadFile(log + ".given")
	if d, err := definition.Read(given, definition.ReadOptions{}); err != nil || d.Apps["api"].Env["REHEARSED"] != "yes" {
		t.Errorf("the change is %s, %v", given, err)
	}
	if kept, _ := os.ReadFile(filepath.Join(dir, "envctl.yaml")); string(kept) != onAzure {
		t.Errorf("the definition's file is %s", kept)
	}
	ran, _ := os.ReadFile(log)
	if lines := strings.Split(strings.TrimSpace(string(ran)), "\n"); len(lines) != len(rehearsal("x", withApp)) || !strings.HasPrefix(lines[0], "check -t azure -f ") {
		t.Errorf("ran %q", lines)
	}
	write("promote")
	got = s.run(t.Context(), &fake{}, "rehearse")
	if got.status != 1 || !strings.Contains(got.stdout, "it broke") || !strings.Contains(got.stdout, "skipped") || !strings.Contains(got.stdout, "azure (simulated): failed") {
		t.Errorf("%+v", got)
	}
	for line := range strings.Lines(got.stdout) {
		if strings.HasPrefix(line, "down") && !strings.Contains(line, " ok ") {
			t.Errorf("it is not cleaned up: %s", line)
		}
	}
}
